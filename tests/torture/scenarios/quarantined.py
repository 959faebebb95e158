"""Eight threads dispatch to a listener that fails for a while and recovers, again and again."""

from __future__ import annotations

import time

from polymeter.clock import Clock
from polymeter.events import EventDispatcher
from tests.torture.ledger import Tally
from tests.torture.load import Until, in_threads, switching_every

THREADS = 8
SWITCH_INTERVAL = 1e-5
SPEED = 2000  # clock seconds in one real second: a quarantine of one second is over in half a millisecond
SPELL = 0.01


class FailingError(Exception):
    """What the listener raises."""


class Patient:
    """A listener that is ill at times, and keeps its own account."""

    def __init__(self):
        self.is_ill = False
        self.handled, self.failed = Tally(), Tally()

    def __call__(self, event):
        if self.is_ill:
            self.failed.add()
            raise FailingError
        self.handled.add()


def run(ledger, seconds):
    """Do so with failures held back, and with failures passed on."""
    for on_error in ("isolate", "raise"):
        account = treated(ledger, seconds / 2, on_error)
        ledger.notes[on_error] = {"deliveries": account.deliveries, "held back": account.quarantined}


def treated(ledger, seconds, on_error):
    """Count what comes out at both ends, and see that the listener is heard again when it is well."""
    until = Until(seconds)
    events = EventDispatcher(on_error=on_error, clock=Clock(monotonic=lambda: time.perf_counter() * SPEED))
    patient = Patient()
    dispatched, raised, nested = Tally(), Tally(), Tally()

    def dispatch():
        try:
            events.dispatch(1)
        except FailingError:
            raised.add()
        dispatched.add()

    def dispatch_another(event):
        nested.add()
        events.dispatch("nested")

    def work():
        while until:
            dispatch()

    def fall_ill():
        while until:
            patient.is_ill = not patient.is_ill
            time.sleep(SPELL)
        patient.is_ill = False

    events.add_listener(int, patient)
    events.add_listener(int, dispatch_another, priority=1)
    events.add_listener(str, lambda event: None)
    with switching_every(SWITCH_INTERVAL):
        in_threads(*[work] * THREADS, beside=fall_ill)
    while events.health()[1].is_quarantined:  # a minute of this clock at most; the watchdog has its eye on it
        dispatch()
    account = events.health()[1]
    ledger.expect(f"{on_error}: deliveries", dispatched.value, account.deliveries)
    ledger.expect(f"{on_error}: handled", patient.handled.value, account.handled)
    ledger.expect(f"{on_error}: failed", patient.failed.value, account.failed)
    ledger.expect(f"{on_error}: raised", patient.failed.value if on_error == "raise" else 0, raised.value)
    ledger.expect(f"{on_error}: nested", nested.value, events.health()[2].handled)
    return account

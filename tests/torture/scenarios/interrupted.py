"""A signal handler raises, as the one for Ctrl-C does, wherever the main thread is; another thread reads on."""

from __future__ import annotations

from tests.torture.alarm import alarm
from tests.torture.ledger import Tally
from tests.torture.load import Until, in_threads


class Interrupted(BaseException):
    """Raised by the handler; like ``KeyboardInterrupt``, it is no error."""


def run(ledger, seconds):
    """Record and read, be interrupted, go on. A record that was interrupted may count or not; every other counts once.

    So for each interruption of a record there may be one more than were finished; not more, and not less.
    """
    until = Until(seconds)
    work = Work(ledger, until)

    def work_in_peace():
        while until:
            for _ in range(20):
                ledger.record()
            ledger.record_and_read()

    in_threads(work_in_peace, beside=work.to_its_end)
    reading = ledger.read()
    surely = ledger.made.value + work.finished.value
    perhaps = work.began.value - work.finished.value
    for what, count in (("counted", reading.counted), ("observed", reading.count)):
        ledger.expect(f"{what}: lost", 0, max(0, surely - count))
        ledger.expect(f"{what}: counted twice", 0, max(0, count - surely - perhaps))
    ledger.notes |= {"interruptions": work.interruptions, "of records": perhaps}


class Work:
    """What is interrupted."""

    def __init__(self, ledger, until):
        self.ledger, self.until = ledger, until
        self.began, self.finished = Tally(), Tally()
        self.interruptions = 0
        self._is_ready = False

    def interrupt(self):
        if self._is_ready:
            self._is_ready = False
            raise Interrupted

    def to_its_end(self):
        """Work and be interrupted, once each time that it begins again."""
        with alarm(self.interrupt) as calls:
            while self.until:
                try:
                    self._is_ready = True
                    self.once()
                    self._is_ready = False
                except Interrupted:
                    continue
        self.interruptions = calls.value

    def once(self):
        while self.until:
            for _ in range(100):
                self.began.add()
                self.ledger.subject.record()
                self.finished.add()
            self.ledger.subject.read()

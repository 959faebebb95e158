"""One scenario in this interpreter: ``python -m tests.torture SCENARIO SUBJECT SECONDS WATCHDOG``.

SUBJECT is one of our ways to record, or ``module:Class`` with the same methods. The ledger goes to the standard output
when the interpreter exits, after everybody else's exit handlers. After WATCHDOG seconds all stacks are shown and the
process ends; so it does if its exit takes longer than EXIT_SECONDS.
"""

from __future__ import annotations

import atexit
import faulthandler
import importlib
import sys

from tests.torture.ledger import Ledger
from tests.torture.subjects import OURS

EXIT_SECONDS = 10


def main(scenario, subject, seconds, watchdog):
    """Run ``scenario`` on a new ``subject`` for about ``seconds``."""
    faulthandler.enable()
    faulthandler.dump_traceback_later(float(watchdog), exit=True)
    ledger = Ledger(made(subject))
    atexit.register(lambda: print(ledger.to_json(), flush=True))  # noqa: T201 - whoever started this reads it
    try:
        importlib.import_module(f"tests.torture.scenarios.{scenario}").run(ledger, float(seconds))
    except BaseException as error:  # noqa: BLE001 - the ledger says so
        ledger.failed(error)
    faulthandler.dump_traceback_later(EXIT_SECONDS, exit=True)


def made(subject):
    """Make what ``subject`` names."""
    if subject in OURS:
        return OURS[subject]()
    module, _, name = subject.partition(":")
    return getattr(importlib.import_module(module), name)()


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Forks while four threads record: children and grandchildren start from zero, and hang on no lock of the parent's."""

from __future__ import annotations

import itertools
import json
import os
import select
import signal
import threading
import warnings

from tests.torture.load import Until, in_threads, switching_every

THREADS = 4
SWITCH_INTERVAL = 5e-5  # so that the thread that forks gets its turn
CHILD_SECONDS = 8  # for each generation; no watchdog of Python's lives on in a child
RECORDS_IN_CHILD = 300  # more than a series keeps pending


def run(ledger, seconds):
    """Fork again and again, one child at a time, and record in between; every fourth child forks too."""
    warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 on: forking beside threads is what is tried here
    until = Until(seconds)
    done = threading.Event()
    forks = itertools.count()
    if hasattr(ledger.subject, "have_something_to_leave"):
        ledger.subject.have_something_to_leave()

    def work():
        while not done.is_set():
            for _ in range(50):
                ledger.record()
            ledger.record_and_read()

    def fork():
        while until and not ledger.notes.get("hung"):
            ledger.record()
            forked(ledger, generations=1 if next(forks) % 4 else 2)
        done.set()

    with switching_every(SWITCH_INTERVAL):
        in_threads(*[work] * THREADS, beside=fork)
    ledger.settle()
    ledger.notes["forks"] = next(forks)


def forked(ledger, generations):
    """Have a child, and take over its rows and findings; show its stacks if it hangs."""
    theirs, ours = os.pipe()
    child = os.fork()
    if not child:
        os.close(theirs)
        try:
            lived(ledger, generations)
        except BaseException as error:  # noqa: BLE001 - the ledger says so
            ledger.failed(error)
        os.write(ours, ledger.to_json().encode())
        os._exit(0)
    os.close(ours)
    answered = select.select([theirs], [], [], CHILD_SECONDS * generations)[0]
    told = b"".join(iter(lambda: os.read(theirs, 1 << 16), b"")) if answered else b""
    os.close(theirs)
    if not told:
        ledger.notes["hung"] = True
        os.kill(child, signal.SIGABRT)  # has faulthandler show where it is
    os.waitpid(child, 0)
    if told:
        found = json.loads(told)
        found["rows"] = [row for row in found["rows"] if row[1] != row[2]]
        ledger.take_over(found, "in a child: ")
        if "hung" in found["notes"]:
            ledger.notes["hung"] = found["notes"]["hung"]


def lived(ledger, generations):
    """Be a child: nothing is there, what is recorded is, and the same goes for one's own child."""
    ledger.forget()
    for each in (ledger.torn, ledger.stale, ledger.errors):
        each.__init__()
    ledger.rows, ledger.notes = [], {}
    where = f"generation {generations}: "
    before = ledger.read()
    ledger.expect(f"{where}at first", [0, 0, 0], [before.counted, before.count, before.seconds])
    if hasattr(ledger.subject, "left_by_parent"):
        ledger.expect(f"{where}self-metrics at first", [], ledger.subject.left_by_parent())
    for _ in range(RECORDS_IN_CHILD // 2):
        ledger.record()
    if generations > 1:
        forked(ledger, generations - 1)
    for _ in range(RECORDS_IN_CHILD // 2):
        ledger.record()
    ledger.expect_totals(RECORDS_IN_CHILD, ledger.read(), where)

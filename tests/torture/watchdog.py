"""Runs one scenario in a fresh interpreter, and ends it if it hangs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.interpreter import ROOT, bare_environment

GRACE = 15
"""Seconds beyond the watchdog inside the process, which shows the stacks, until it is killed from outside."""


@dataclass(frozen=True)
class Outcome:
    """What became of one run.

    :ivar hung: whether a watchdog had to end it, or one of its children.
    :ivar ledger: what it printed; empty if it did not get there.
    :ivar shown: its standard error: stacks, if it hung.
    """

    hung: bool
    code: int
    ledger: dict[str, Any] = field(default_factory=dict)
    shown: str = ""

    def complaints(self) -> list[str]:
        """Say everything that is not as it should be."""
        if self.hung:
            return [f"it hung:\n{self.shown}"]
        if not self.ledger:
            return [f"it exited with {self.code} and no ledger:\n{self.shown}"]
        found = [f"it exited with {self.code}:\n{self.shown}"] if self.code else []
        for name in ("torn", "stale", "errors"):
            told = self.ledger[name]
            found += ["\n".join([f"{name}: {told['times']} times", *told["examples"]])] if told["times"] else []
        rows = self.ledger["rows"]
        return found + [f"{what}: expected {wanted}, got {actual}" for what, wanted, actual in rows if wanted != actual]


def outcome_of(scenario: str, subject: str, seconds: float, watchdog: float) -> Outcome:
    """Run ``scenario`` on ``subject``.

    :param seconds: how long it goes on.
    :param watchdog: seconds after which it has hung.
    """
    command = [sys.executable, "-m", "tests.torture", scenario, subject, str(seconds), str(watchdog)]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=bare_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            printed, shown = process.communicate(timeout=watchdog + GRACE)
            killed = False
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            printed, shown = process.communicate()
            killed = True
        finally:
            with suppress(ProcessLookupError):  # children that it left behind
                os.killpg(process.pid, signal.SIGKILL)
    lines = printed.splitlines()
    ledger = json.loads(lines[-1]) if lines else {}
    hung = killed or "Timeout (" in shown or bool(ledger.get("notes", {}).get("hung"))
    return Outcome(hung, process.returncode, ledger, shown)

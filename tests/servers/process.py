"""A server as a process of its own: started, asked whether it is ready, stopped; its log shown when it is not."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.servers.asking import is_answered
from tests.servers.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

STOPPING = 10
"""Seconds that a server gets to end by itself."""
LINES = 40
"""Lines of a log that say what went wrong."""


@contextmanager
def running(
    command: Sequence[str | Path], *, folder: Path, ready: str | Callable[[], bool]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server for a ``with`` block, and give its process.

    :param folder: holds its log.
    :param ready: an address that answers 200 as soon as it is ready, or what tells that; it is waited for.
    :raises TimeoutError: if it was not ready in time; with its log.
    :raises RuntimeError: if it ended instead; with its log.
    """
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def is_ready() -> bool:
        if process.poll() is not None:
            message = f"{command[0]} ended with {process.returncode}:\n{_end_of(log)}"
            raise RuntimeError(message)
        return ready() if callable(ready) else is_answered(ready)

    try:
        wait_until(is_ready, what=f"{command[0]} is ready", why_not=lambda: _end_of(log))
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOPPING)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-LINES:])

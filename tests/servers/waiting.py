"""Waiting for something that happens in another process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 20.0
"""Seconds; far beyond what anything here takes, even on a machine that is busy."""
PAUSE = 0.02

T = TypeVar("T")


def wait_until(
    happened: Callable[[], T | None], *, what: str, why_not: Callable[[], str] = str, seconds: float = PATIENCE
) -> T:
    """Give the first answer of ``happened`` that is not falsy.

    :param what: what is waited for, to be read in the error.
    :param why_not: gives what is known, if it did not happen.
    :raises TimeoutError: if it did not happen within ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while True:
        answer = happened()
        if answer:
            return answer
        if time.monotonic() > deadline:
            message = f"after {seconds} s still not: {what}\n{why_not()}"
            raise TimeoutError(message)
        time.sleep(PAUSE)

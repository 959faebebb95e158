"""How long to wait before another try."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from polymeter.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.clock import Clock

__all__ = ["LONGEST_RETRY_AFTER", "Backoff", "retry_after"]

LONGEST_RETRY_AFTER: Final = 86_400.0
"""Seconds that a server's ``Retry-After`` is believed at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Pauses that double, each shortened by chance by up to a half, so that many clients do not come back at once.

    :ivar retries: how often to try again; 0: never.
    :ivar first: seconds of the first pause, before chance shortens it.
    :ivar longest: seconds that no pause exceeds, unless the server asks for more.
    :ivar jitter: gives numbers from 0 to 1; 1 shortens nothing.
    """

    retries: int = 5
    first: float = 0.25
    longest: float = 5.0
    jitter: Callable[[], float] = field(default=random.random, repr=False)

    def __post_init__(self) -> None:
        """See that it can be.

        :raises DefinitionError: if something is negative or no number.
        """
        if not (self.retries >= 0 and self.first >= 0 and self.longest >= 0):  # NaN neither
            message = f"{self!r} cannot be: nothing in it may be negative"
            raise DefinitionError(message)

    def pause(self, number: int, asked_for: float | None = None) -> float:
        """Give the seconds to wait before retry ``number`` (from 0).

        :param asked_for: seconds that the server asks to be left alone for: never less than that.
        """
        doubled = self.first * 2.0 ** min(number, 60)
        return max(min(self.longest, doubled) * (0.5 + 0.5 * self.jitter()), asked_for or 0.0)


def retry_after(text: str | None, clock: Clock) -> float | None:
    """Read the header ``Retry-After``: seconds, or an HTTP date. ``None`` if there is none, or it makes no sense."""
    if text is None:
        return None
    text = text.strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return min(float(text), LONGEST_RETRY_AFTER)
    from email.utils import parsedate_to_datetime

    try:
        seconds = parsedate_to_datetime(text).timestamp() - clock.wall()
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, seconds), LONGEST_RETRY_AFTER)

"""Lines that could not be sent: counted by reason, and said once."""

from __future__ import annotations

from collections import Counter

__all__ = ["Losses", "tell_clash"]


class Losses:
    """Counts by reason: ``too_long``, ``infinite``, ``negative``, ``messages``."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def count(self, reason: str) -> None:
        """Count a line."""
        self.counts[reason] += 1
        if self.counts[reason] == 1:
            _say("StatsD: a line could not be sent (%s); more of them are only counted, in .dropped", reason)

    def count_packet(self, packet: bytes) -> None:
        """Count the lines of a packet that is larger than its socket can carry."""
        for _ in packet.split(b"\n"):
            self.count("too_long")


def tell_clash(one: str, other: str) -> None:
    """Say that two metrics have one name."""
    _say("StatsD cannot tell the metrics %r and %r apart", one, other)


def _say(message: str, *details: object) -> None:
    import logging  # dear to import, and rarely needed

    logging.getLogger("polymeter.exporters").warning(message, *details)

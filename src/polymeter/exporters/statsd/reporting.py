"""What a program reports by hand: events, service checks, members of sets. It waits for the next export."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from polymeter.data.counter import Counter
from polymeter.data.tags import Tags
from polymeter.errors import DefinitionError
from polymeter.exporters.statsd.messages import LONGEST, event_line, service_check_line, set_line
from polymeter.exporters.statsd.settings import tail_of

if TYPE_CHECKING:
    from polymeter.clock import Clock
    from polymeter.data.tags import TagsLike
    from polymeter.exporters.statsd.dialects import Dialect
    from polymeter.exporters.statsd.losses import Losses
    from polymeter.exporters.statsd.messages import AlertType, Priority, Status
    from polymeter.exporters.statsd.series import SeriesTexts
    from polymeter.exporters.statsd.settings import Origin

__all__ = ["Reporting"]

_MOST: Final = 1000
"""Reports that wait for the next export."""


class Reporting:
    """Takes reports on any thread, and never waits."""

    def __init__(self, dialect: Dialect, texts: SeriesTexts, origin: Origin, losses: Losses, clock: Clock) -> None:
        self._dialect = dialect
        self._texts = texts
        self._origin = origin
        self._losses = losses
        self._clock = clock
        self._waiting: deque[bytes] = deque()

    def event(
        self,
        title: str,
        text: str,
        *,
        alert_type: AlertType | None = None,
        priority: Priority | None = None,
        aggregation_key: str | None = None,
        source_type: str | None = None,
        host: str | None = None,
        tags: TagsLike | None = None,
        at: float | None = None,
    ) -> None:
        """Have an event sent with the next export. Never waits.

        :param at: Unix seconds; default: now.
        :raises DefinitionError: for another word, or in a dialect without events.
        """
        self._check("events")
        line = event_line(
            title,
            text,
            at=self._clock.wall() if at is None else at,
            host=host,
            aggregation_key=aggregation_key,
            priority=priority,
            source_type=source_type,
            alert_type=alert_type,
            tail=self._tags(tags) + self._origin.of_messages,
        )
        self._add(line)

    def service_check(
        self,
        name: str,
        status: Status,
        *,
        message: str | None = None,
        host: str | None = None,
        tags: TagsLike | None = None,
        at: float | None = None,
    ) -> None:
        """Have a service check sent with the next export. Never waits.

        :param at: Unix seconds; default: now.
        :raises DefinitionError: for another status, or in a dialect without service checks.
        """
        self._check("service checks")
        line = service_check_line(
            name,
            status,
            at=self._clock.wall() if at is None else at,
            host=host,
            message=message,
            tags=self._tags(tags),
            origin=self._origin.of_messages,
        )
        self._add(line)

    def set(self, name: str, value: str | int, tags: TagsLike | None = None) -> None:
        """Have a member of a set sent with the next export; the server counts those that differ. Never waits.

        :raises InvalidMetricError: for a name or tags that cannot be.
        """
        self._add(set_line(self._texts.of(Counter(name, 0, tags)), str(value)))

    def _check(self, what: str) -> None:
        if not self._dialect.is_datadog:
            message = f"only the dialect 'datadog' has {what}"
            raise DefinitionError(message)

    def _tags(self, tags: TagsLike | None) -> str:
        return tail_of(self._texts.pairs(Tags.of(tags)))

    def _add(self, line: bytes) -> None:
        if len(line) > LONGEST:
            self._losses.count("too_long")
        elif len(self._waiting) >= _MOST:
            self._losses.count("messages")
        else:
            self._waiting.append(line)

    def _taken(self) -> list[bytes]:
        taken: list[bytes] = []
        while self._waiting:
            taken.append(self._waiting.popleft())
        return taken

"""What became of the exchange with Redis."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from polymeter.data.counter import Counter
from polymeter.data.definition import MetricDefinition
from polymeter.data.gauge import Gauge
from polymeter.data.kind import Kind
from polymeter.registries.health import RegistryHealth

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polymeter.data.metric import Metric
    from polymeter.registries.redis.exchange import Exchange

__all__ = ["SELF_DEFINITIONS", "RedisHealth", "self_metrics"]

_FLUSHES: Final = MetricDefinition.of(
    "polymeter.redis.flushes", Kind.COUNTER, help="Calls that told Redis what came, by result and reason."
)
_LOST: Final = MetricDefinition.of(
    "polymeter.redis.lost", Kind.COUNTER, help="What had to be given up on the way to Redis, by reason."
)
_UNREAD: Final = MetricDefinition.of(
    "polymeter.redis.unread", Kind.COUNTER, help="Reads that were answered without Redis, by reason."
)
_WAITING: Final = MetricDefinition.of(
    "polymeter.redis.waiting", Kind.GAUGE, help="Series of this process that Redis has not been told of."
)
SELF_DEFINITIONS: Final = {each.name: each for each in (_FLUSHES, _LOST, _UNREAD, _WAITING)}


@dataclass(frozen=True, slots=True)
class RedisHealth(RegistryHealth):
    """What became of the records of this process, and of what it told Redis.

    :ivar is_away: whether the last attempt failed.
    :ivar quiet_for: seconds since Redis took something; infinite if it never did.
    :ivar waiting: series whose changes Redis has not been told.
    :ivar flushes: ``(result, reason)`` -> calls that told Redis something.
    :ivar lost: reason -> what had to be given up.
    :ivar unread: reason -> reads that were answered without Redis.
    """

    is_away: bool = False
    quiet_for: float = 0.0
    waiting: int = 0
    flushes: Mapping[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    lost: Mapping[str, int] = field(default_factory=dict[str, int])
    unread: Mapping[str, int] = field(default_factory=dict[str, int])

    @classmethod
    def of(cls, own: RegistryHealth, exchange: Exchange) -> Self:
        """Give the health of an exchange, with that of the records."""
        delivery = exchange.delivery
        return cls(
            applied=own.applied,
            invalid_by=own.invalid_by,
            series=own.series,
            denied=own.denied,
            denied_by=own.denied_by,
            is_away=exchange.is_away,
            quiet_for=delivery.quiet_for,
            waiting=delivery.waiting,
            flushes=delivery.flushes.copy(),
            lost=delivery.lost.copy(),
            unread=exchange.unread.copy(),
        )


def self_metrics(series: int, exchange: Exchange, now: float) -> list[Metric]:
    """Give what a snapshot says of the exchange.

    :param series: how many series there are.
    :param now: Unix seconds.
    """
    delivery = exchange.delivery
    metrics: list[Metric] = [
        Gauge("polymeter.series", series, start=now, timestamp=now),
        Gauge(_WAITING.name, delivery.waiting, start=now, timestamp=now),
    ]
    for (result, reason), times in delivery.flushes.copy().items():
        tags = {"result": result, "reason": reason}
        metrics.append(Counter(_FLUSHES.name, times, tags, start=exchange.began, timestamp=now))
    for definition, by_reason in ((_LOST, delivery.lost), (_UNREAD, exchange.unread)):
        for reason, times in by_reason.copy().items():
            metrics.append(Counter(definition.name, times, {"reason": reason}, start=exchange.began, timestamp=now))
    return metrics

"""Three books of one story, held against each other: the metrics, the load's ledger and the provider's."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from polymeter.cli.demo_ledger import Page
from polymeter.cli.demo_metrics import OUTCOMES, TOKEN_CLASSES, reading_of, statuses_in, total
from polymeter.testing.provider import Account

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from polymeter.cli.demo_ledger import Ledger
    from polymeter.data import Snapshot
    from polymeter.testing.provider import Ledger as Served

__all__ = ["Sum", "sums_of"]

_NONE: Final = Account.of(())


@dataclass(frozen=True, slots=True)
class Sum:
    """One number as each book has it.

    :ivar what: is counted.
    :ivar model: whose; empty for all.
    :ivar sides: book -> its number; a book that cannot know is missing.
    """

    what: str
    model: str
    sides: Mapping[str, int]

    @property
    def holds(self) -> bool:
        """Whether all books agree."""
        return len(set(self.sides.values())) == 1

    def to_dict(self) -> dict[str, Any]:
        """Give plain data, for JSON."""
        return {"what": self.what, "model": self.model, "sides": dict(self.sides), "holds": self.holds}

    def __str__(self) -> str:
        of_model = f" of {self.model}" if self.model else ""
        return f"{self.what}{of_model}: " + ", ".join(f"{side} {number:,}" for side, number in self.sides.items())


def sums_of(snapshot: Snapshot, made: Ledger, served: Served) -> list[Sum]:
    """Hold the three books against each other.

    :param snapshot: the metrics.
    :param made: what the load did.
    :param served: what the provider saw.
    """
    return [
        *(each for model in sorted({*made.pages, *served.models}) for each in _of_model(model, snapshot, made, served)),
        *_refused(snapshot, made, served),
    ]


def _of_model(model: str, snapshot: Snapshot, made: Ledger, served: Served) -> Iterator[Sum]:
    measured, page, account = (
        reading_of(snapshot, model),
        made.pages.get(model, Page()),
        served.models.get(model, _NONE),
    )
    retries = {"load": page.requests - page.calls, "server": account.requests - account.calls}
    yield Sum("calls", model, {"metrics": measured.started, "load": page.calls, "server": account.calls})
    for outcome in OUTCOMES:
        yield Sum(outcome, model, {"metrics": measured.outcomes[outcome], "load": page.outcomes[outcome]})
    yield Sum("in flight", model, {"metrics": measured.active, "load": 0})
    yield Sum("requests", model, {"metrics": measured.requests, "load": page.requests, "server": account.requests})
    yield Sum("retries", model, {"metrics": measured.retries, **retries})
    for each in TOKEN_CLASSES:
        ledgers = {"load": getattr(page.tokens, each), "server": getattr(account.tokens, each)}
        yield Sum(f"tokens: {each}", model, {"metrics": measured.tokens[each], **ledgers})
    # Within the metrics: the law of outcomes, and two collectors that read the same events.
    yield Sum("calls", model, {"started": measured.started, "ended or in flight": measured.ended + measured.active})
    yield Sum("ends", model, {"one collector": _completed(snapshot, model), "the other": measured.ended})
    good = _completed(snapshot, model, success=True)
    yield Sum("successes", model, {"one collector": good, "the other": measured.outcomes["ok"]})


def _completed(snapshot: Snapshot, model: str, **tags: bool) -> int:
    return total(snapshot, "inference.completed", {"model": model, **tags})


def _refused(snapshot: Snapshot, made: Ledger, served: Served) -> Iterator[Sum]:
    """Compare refused requests by their status; that metric has no model."""
    meant = {status for page in made.pages.values() for status in page.refused}
    seen = served.total.by_status.keys() - {HTTPStatus.OK}
    for status in sorted({*meant, *seen, *statuses_in(snapshot)}):
        sides = {
            "metrics": total(snapshot, "inference.attempts.failed", {"http_status": status}),
            "load": sum(page.refused[status] for page in made.pages.values()),
            "server": served.total.by_status.get(status, 0),
        }
        yield Sum(f"answered with {status}", "", sides)

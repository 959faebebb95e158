"""What the server saw, added up: the truth that the metrics of its clients are held against."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from functools import reduce
from http import HTTPStatus
from operator import add
from typing import TYPE_CHECKING, Any

from polymeter.testing.provider.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from polymeter.testing.provider.request import Outcome, Request

__all__ = ["Account", "Ledger"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Sums over some requests; ``requests`` is the sum of ``by_outcome``.

    :param calls: requests that were no retries: what a user of an SDK would count.
    :param by_status: numbers of requests by HTTP status; those that were sent none are missing.
    :param streams: requests that asked for a stream.
    :param streams_cut: streams that began and never reached their end, whoever broke them off.
    :param chunks: pieces of content sent by streams.
    :param tokens: as reported to clients.
    :param without_usage: successful answers, sent in full, that reported no tokens.
    """

    requests: int
    calls: int
    by_status: Mapping[int, int]
    by_outcome: Mapping[Outcome, int]
    streams: int
    streams_cut: int
    chunks: int
    tokens: Tokens
    without_usage: int

    @classmethod
    def of(cls, requests: Collection[Request]) -> Account:
        """Add up ``requests``."""
        begun = [each for each in requests if each.status == HTTPStatus.OK]
        return cls(
            requests=len(requests),
            calls=sum(each.attempt == 0 for each in requests),
            by_status=dict(Counter(each.status for each in requests if each.status is not None)),
            by_outcome=dict(Counter(each.outcome for each in requests)),
            streams=sum(each.stream for each in requests),
            streams_cut=sum(each.stream and each.outcome not in {"answered", "open"} for each in begun),
            chunks=sum(each.chunks for each in requests),
            tokens=reduce(add, (each.usage for each in requests if each.usage is not None), Tokens()),
            without_usage=sum(each.outcome == "answered" and each.usage is None for each in begun),
        )


@dataclass(frozen=True, slots=True)
class Ledger:
    """One account of everything, and one per requested model."""

    total: Account
    models: Mapping[str, Account]

    @classmethod
    def of(cls, requests: Collection[Request]) -> Ledger:
        """Add up ``requests``, model by model."""
        by_model: defaultdict[str, list[Request]] = defaultdict(list)
        for each in requests:
            by_model[each.model].append(each)
        return cls(Account.of(requests), {model: Account.of(by_model[model]) for model in sorted(by_model)})

    def to_dict(self) -> dict[str, Any]:
        """Give plain data, for JSON or for a comparison."""
        return asdict(self)

"""GenAIPrices: the prices of the genai-prices library, which come with it; the network is not asked."""

from __future__ import annotations

import importlib
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from polymeter.clock import SYSTEM_CLOCK
from polymeter.cost.price import Price, Rates
from polymeter.cost.validity import validity
from polymeter.errors import MissingExtraError

if TYPE_CHECKING:
    from decimal import Decimal

    from polymeter.clock import Clock

__all__ = ["GenAIPrices"]

_FIX: Final = "pip install 'polymeter[cost]'"
_LATEST: Final = 2.5e11  # of the year 9892: Python's calendar ends soon after
_MOST: Final = 1024  # prices that are remembered: the names of models may come from anywhere

# What the OpenTelemetry conventions and the library call the same provider, where it differs.
_PROVIDERS: Final = {
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "aws.bedrock": "aws",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "mistral_ai": "mistral",
    "moonshot_ai": "moonshotai",
    "x_ai": "x-ai",
}


class _Known(NamedTuple):
    """A price, ``None`` if there is none, with the Unix seconds from and until which it holds."""

    price: Price | None
    since: float = -math.inf
    until: float = math.inf


class GenAIPrices:
    """What the library ``genai-prices`` knows: the extra ``cost``.

    Prices are worked out once per model, into a :class:`~polymeter.cost.price.Price`; tiers, prices that begin at a
    date and prices by the time of day are taken into account. The library's data are used as installed. If your program
    has the library update them (``genai_prices.UpdatePrices``), the new ones count from then on.

    A provider that the library does not know has no prices. Where no provider is said, the model's name decides.
    """

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        """Import the library and its data (a third of a second).

        :param clock: says when a call was that does not say it.
        :raises MissingExtraError: if the library is absent.
        """
        try:
            snapshots: Any = importlib.import_module("genai_prices.data_snapshot")
            self._usage: Any = importlib.import_module("genai_prices").Usage
        except ImportError as error:
            message = f"GenAIPrices needs the genai-prices package, which cannot be imported ({error}): {_FIX}"
            raise MissingExtraError(message) from error
        self._find_provider: Any = snapshots.find_provider_by_id
        self._get_snapshot: Any = snapshots.get_snapshot
        self._snapshot = self._get_snapshot()
        self._clock = clock
        self._known: dict[tuple[str, str, str | None], _Known] = {}

    def price_of(
        self, provider: str, model: str, *, response_model: str | None = None, at: float | None = None
    ) -> Price | None:
        """Give the price of the model that answered, else of the one that was asked for; ``None`` if nobody knows."""
        snapshot = self._get_snapshot()
        if snapshot is not self._snapshot:
            self._snapshot = snapshot
            self._known.clear()
        key = (provider, model, response_model)
        known = self._known.get(key)
        if known is not None and known.until == math.inf == -known.since:
            return known.price
        when = at if at is not None and 0 <= at < _LATEST else self._clock.wall()
        if known is None or not known.since <= when < known.until:
            known = self._look_up(snapshot, provider, [response_model, model], when)
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[key] = known
        return known.price

    def _look_up(self, snapshot: Any, provider: str, names: list[str | None], at: float) -> _Known:
        for name in names:
            try:
                found = self._find(snapshot.providers, provider, name) if name else None
                if found is not None:
                    return _worked_out(*found, self._usage, at)
            except Exception:  # noqa: BLE001, S112 - what the library cannot say, nobody knows
                continue
        return _Known(None)

    def _find(self, providers: list[Any], said: str, name: str) -> tuple[Any, Any] | None:
        """Give the library's provider and model.

        The library's own search would remember every name that it was ever asked for.
        """
        if said == "unknown":
            asked = name.lower()
            matching = (each for each in providers if each.model_match and each.model_match.is_match(asked))
            provider = next(matching, None)
        else:
            provider = self._find_provider(providers, _PROVIDERS.get(said, said))
        model = None if provider is None else provider.find_model(name, all_providers=providers)
        return None if model is None else (provider, model)


def _worked_out(provider: Any, model: Any, usage: Any, at: float) -> _Known:
    """Ask the library for the cost of single tokens: in each tier, a cost is a sum of so much for each of them.

    :param usage: the library's class of that name.
    """
    moment = datetime.fromtimestamp(at, UTC)

    def cost(**tokens: int) -> Any:
        return model.calc_price(usage(**tokens), provider, genai_request_timestamp=moment)

    is_one = hasattr(model.prices, "calc_price")  # else a list of them, each with what it holds for
    since, until = validity(() if is_one else [each.constraint for each in model.prices], at)
    said = cost().model_price
    if said.input_mtok is None:
        return _Known(None, since, until)  # priced by minutes or pages, which nobody counts here
    starts = {tier.start for each in said.__dict__.values() for tier in getattr(each, "tiers", ())}

    def rates(tokens: int) -> Rates:
        """Give what tokens cost in a call that has at least so many of input."""
        base = cost(input_tokens=tokens).total_price

        def more(**more: int) -> Decimal:
            dollars: Decimal = cost(**{"input_tokens": tokens, **more}).total_price - base
            return dollars

        new = more(input_tokens=tokens + 1)
        return Rates(
            input=new,
            cache_read=more(input_tokens=tokens + 1, cache_read_tokens=1),
            cache_write=more(input_tokens=tokens + 1, cache_write_tokens=1),
            output=more(output_tokens=1),
            reasoning=more(output_tokens=1, output_reasoning_tokens=1),
            call=base - tokens * new,
        )

    return _Known(Price(rates(0), {start: rates(start + 1) for start in starts}), since, until)

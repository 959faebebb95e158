"""The dialects of StatsD: where tags stand, and what a server makes of values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from polymeter.exporters.statsd.naming import in_name, tag_of, word_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["DIALECTS", "Dialect", "DialectName", "Pairs", "Type"]

DialectName: TypeAlias = Literal["datadog", "etsy", "graphite", "influx", "librato", "none", "signalfx"]

Type: TypeAlias = Literal["ms", "h", "d"]
"""What a timer or a histogram is to the server: a timing, a histogram, a distribution."""

Pairs: TypeAlias = tuple[tuple[str, str], ...]


class Dialect(NamedTuple):
    """One way to write lines.

    :ivar tags: writes tags, none of them with an empty text.
    :ivar in_name: whether they stand behind the name, instead of at the end of the line.
    :ivar histograms: the type of histograms, where nobody says otherwise.
    :ivar joint: what stands between values of one line; empty: each has a line of its own.
    :ivar has_signs: whether ``-5`` takes 5 off a gauge, so that a negative reading needs a zero first.
    :ivar exponents: whether numbers may be written as 1e-07.
    :ivar repeats: so many values of a series are repeated rather than weighted by a sample rate.
    :ivar multiplies: whether the server takes a value for as many observations as its rate says, in all that it shows.
    :ivar is_datadog: whether it has events, service checks, timestamps and the fields of origin detection.
    """

    tags: Callable[[Pairs], str]
    in_name: bool = True
    histograms: Type = "ms"
    joint: Literal["", ":", "chain"] = ""
    has_signs: bool = True
    exponents: bool = False
    repeats: int = 1000
    multiplies: bool = False
    is_datadog: bool = False


def _datadog(pairs: Pairs) -> str:
    return "|#" + ",".join([tag_of(key, text) for key, text in pairs]) if pairs else ""


def _words(pairs: Pairs) -> str:
    return "".join([f".{word_of(key)}.{word_of(text)}" for key, text in pairs])


def _graphite(pairs: Pairs) -> str:
    return "".join([f";{in_name(key)}={in_name(text)}" for key, text in pairs])


def _influx(pairs: Pairs) -> str:
    return "".join([f",{in_name(key)}={in_name(text)}" for key, text in pairs])


def _librato(pairs: Pairs) -> str:
    return "#" + _listed(pairs) if pairs else ""


def _signalfx(pairs: Pairs) -> str:
    return f"[{_listed(pairs)}]" if pairs else ""


def _none(_pairs: Pairs) -> str:
    return ""


def _listed(pairs: Pairs) -> str:
    return ",".join([f"{in_name(key)}={in_name(text)}" for key, text in pairs])


DIALECTS: Final[Mapping[str, Dialect]] = {
    # Agents since 6.25 and 7.25 take several values in one line (DogStatsD 1.1), and count a value 1 / rate times.
    "datadog": Dialect(
        _datadog,
        in_name=False,
        histograms="h",
        joint=":",
        has_signs=False,
        exponents=True,
        repeats=64,
        multiplies=True,
        is_datadog=True,
    ),
    # Etsy's server reads name:1|ms:2|ms. By the rate it corrects the count of a timer alone, not its sum or mean.
    "etsy": Dialect(_words, joint="chain"),
    "graphite": Dialect(_graphite, joint="chain"),
    # Telegraf counts a value 1 / rate times.
    "influx": Dialect(_influx, histograms="h", repeats=64, multiplies=True),
    "librato": Dialect(_librato),
    "none": Dialect(_none),
    "signalfx": Dialect(_signalfx),
}

"""How metrics and tags are called in Prometheus.

Rules of the Prometheus documentation ("Metric and label naming", "Data model"): base units, the unit as the last
word, ``_total`` after it for counters and for nothing else. Escaping follows the ``underscores`` scheme.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from polymeter.data.kind import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polymeter.data.units import Unit

__all__ = ["family_name", "label_name", "labels_of"]

_ILLEGAL: Final = re.compile(r"[^a-zA-Z0-9_]")
_WORDS: Final = {"s": "seconds", "sec": "second", "bytes": "bytes"}
_PER: Final = {"s": "second", "sec": "second", "min": "minute", "h": "hour", "d": "day"}
_TIME_WORDS: Final = frozenset(
    {"ms", "milliseconds", "us", "microseconds", "ns", "nanoseconds", "s", "seconds", "minutes", "hours"}
)
_BYTE_WORDS: Final = frozenset({"bytes", "kilobytes", "kibibytes", "megabytes", "mebibytes"})


@lru_cache(maxsize=4096)
def family_name(name: str, kind: Kind, unit: Unit) -> str:
    """Give the name of a metric's family: ``inference.duration_ms`` -> ``inference_duration_seconds``."""
    words = [word for word in re.split(r"[._]+", name) if word]
    unit_words = _unit_words(unit)
    if kind is Kind.COUNTER and words and words[-1] == "total":
        words = words[:-1]  # it comes back behind the unit
    words = _without_unit(words, unit, unit_words) + unit_words
    if kind is Kind.COUNTER:
        words.append("total")
    elif len(words) > 1 and words[-1] == "total":
        words[-2:] = ["total", words[-2]]
    return _legal("_".join(words))


def _unit_words(unit: Unit) -> list[str]:
    """Give the words that end a name: ``tokens/s`` -> ``tokens_per_second``."""
    if not unit.base:
        return []
    over, _, under = unit.base.partition("/")
    words = [_WORDS.get(over, over)]
    if under:
        words += ["per", _PER.get(under, under)]
    return words


def _without_unit(words: list[str], unit: Unit, unit_words: list[str]) -> list[str]:
    """Take the unit out of the words of a name, so that it is not there twice."""
    if not unit_words:
        return words
    if "per" in unit_words and "per" in words:
        at = len(words) - 1 - words[::-1].index("per")
        if at and words[at - 1] == unit_words[0] and at == len(words) - 2:
            return words[: at - 1]
    aliases = {unit.symbol, *unit_words}
    if unit.is_time:
        aliases |= _TIME_WORDS
    if unit.base == "bytes":
        aliases |= _BYTE_WORDS
    if words and words[-1] in aliases:
        return words[:-1]
    # Not the last word: take out the one place where it stands, as in "inference.tokens.input".
    if len(unit_words) == 1 and words.count(unit_words[0]) == 1 and len(words) > 1:
        return [word for word in words if word != unit_words[0]]
    return words


def _legal(name: str) -> str:
    legal = _ILLEGAL.sub("_", name)
    return f"_{legal}" if not legal or legal[0].isdigit() else legal


_RESERVED: Final = frozenset({"le", "quantile"})


@lru_cache(maxsize=4096)
def label_name(tag: str) -> str:
    """Give the label of a tag. What Prometheus keeps for itself gets the prefix that it would put there itself."""
    legal = _legal(tag)
    return f"exported_{legal.lstrip('_')}" if legal in _RESERVED or legal.startswith("__") else legal


def labels_of(canonical: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Give the labels of a series, sorted by name.

    A tag without text is no label. Of tags that become one label the texts are joined by ``;`` in the order of the
    tags (as OpenTelemetry does it for Prometheus).
    """
    labels: dict[str, str] = {}
    for tag, text in canonical:
        if text:
            label = label_name(tag)
            labels[label] = f"{labels[label]};{text}" if label in labels else text
    return tuple(sorted(labels.items()))

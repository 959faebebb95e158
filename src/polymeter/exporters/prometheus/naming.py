"""How metrics and tags are called in Prometheus.

Rules of the Prometheus documentation ("Metric and label naming", "Data model"): base units, the unit as the last
word, ``_total`` after it for counters and for nothing else. Names are *conventional* (``inference_duration_seconds``),
which every Prometheus can take, or *dotted*: the same words between the separators that were given
(``inference.duration_seconds``), for those that asked for an escaping scheme other than ``underscores``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from polymeter.data.kind import Kind
from polymeter.exporters.prometheus.escaping import Escaping, utf8

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polymeter.data.units import Unit

__all__ = ["Labels", "Naming", "family_name", "label_name", "labels_of", "legalised", "unit_text", "with_total"]

Labels = tuple[tuple[str, str], ...]
"""Names and texts, sorted by name."""

_ILLEGAL: Final = re.compile(r"[^a-zA-Z0-9_]")
_SEPARATORS: Final = re.compile(r"([._]+)")
_WORDS: Final = {"s": "seconds", "sec": "second", "bytes": "bytes"}
_PER: Final = {"s": "second", "sec": "second", "min": "minute", "h": "hour", "d": "day"}
_TIME_WORDS: Final = frozenset(
    {"ms", "milliseconds", "us", "microseconds", "ns", "nanoseconds", "s", "seconds", "minutes", "hours"}
)
_BYTE_WORDS: Final = frozenset({"bytes", "kilobytes", "kibibytes", "megabytes", "mebibytes"})
_RESERVED: Final = frozenset({"le", "quantile"})


class Naming:
    """The names of one scheme.

    :ivar escaping: the scheme.
    :ivar is_dotted: whether it is dotted names that are escaped, instead of conventional ones.
    """

    def __init__(self, escaping: Escaping = Escaping.UNDERSCORES, *, is_dotted: bool = False) -> None:
        self.escaping = escaping
        self.is_dotted = is_dotted and escaping is not Escaping.UNDERSCORES

    def base(self, name: str, kind: Kind, unit: Unit) -> str:
        """Give the name of a metric's family before it is escaped, for a counter without ``_total``."""
        return dotted_base(name, kind, unit) if self.is_dotted else conventional_base(name, kind, unit)

    def shown(self, name: str) -> str:
        """Give the name of a family as Prometheus shows it."""
        return self.escaping.escape(name)

    def label(self, tag: str) -> str:
        """Give the label of a tag."""
        return _label(tag, self.escaping, is_dotted=self.is_dotted)

    def labels(self, canonical: Iterable[tuple[str, str]]) -> Labels:
        """Give the labels of a series, sorted by name.

        A tag without text is no label. Of tags that become one label the texts are joined by ``;`` in the order of the
        tags (as OpenTelemetry does it for Prometheus).
        """
        labels: dict[str, str] = {}
        for tag, text in canonical:
            if text:
                label = self.label(tag)
                labels[label] = f"{labels[label]};{text}" if label in labels else text
        return tuple(sorted(labels.items()))


_CONVENTIONAL: Final = Naming()


def label_name(tag: str) -> str:
    """Give the conventional label of a tag."""
    return _CONVENTIONAL.label(tag)


def labels_of(canonical: Iterable[tuple[str, str]]) -> Labels:
    """Give the conventional labels of a series."""
    return _CONVENTIONAL.labels(canonical)


def family_name(name: str, kind: Kind, unit: Unit) -> str:
    """Give the conventional name of a metric's family: ``inference.duration_ms`` -> ``inference_duration_seconds``."""
    base = conventional_base(name, kind, unit)
    return with_total(base) if kind is Kind.COUNTER else base


def legalised(name: str) -> str:
    """Give ``name`` with underscores in place of what is not legal, and one before a digit that begins it."""
    legal = _ILLEGAL.sub("_", name)
    return f"_{legal}" if not legal or legal[0].isdigit() else legal


def with_total(base: str) -> str:
    """Give a counter's full name."""
    return f"{base}_total"


@lru_cache(maxsize=4096)
def conventional_base(name: str, kind: Kind, unit: Unit) -> str:
    """Give the words of a metric's name, joined by single underscores."""
    return legalised("_".join(word for word, _ in _worded(name, kind, unit)))


@lru_cache(maxsize=4096)
def dotted_base(name: str, kind: Kind, unit: Unit) -> str:
    """Give the words of a metric's name between the separators that it has; what was added follows underscores."""
    worded = _worded(name, kind, unit)
    if not worded:
        return _readable(name)
    joined = "".join(separator + word for word, separator in worded)
    return _readable(joined if name[0] in "._" else joined.lstrip("._"))


def _readable(name: str) -> str:
    """Give a name in UTF-8 as Prometheus can read it: to its parsers NUL is the end of a text."""
    return utf8(name).replace("\0", "_")


_Worded = list[tuple[str, str]]  # each word, and the separator before it


def _worded(name: str, kind: Kind, unit: Unit) -> _Worded:
    parts = ["", *_SEPARATORS.split(name)]
    words = [(word, separator) for separator, word in zip(parts[::2], parts[1::2], strict=True) if word]
    unit_words = _unit_words(unit)
    if kind is Kind.COUNTER and len(words) > 1 and words[-1][0] == "total":
        words = words[:-1]  # it comes back behind the unit
    words = _without_unit(words, unit, unit_words) + [(word, "_") for word in unit_words]
    if kind is not Kind.COUNTER and len(words) > 1 and words[-1][0] == "total":
        (before, first), (total, second) = words[-2:]
        words[-2:] = [(total, first), (before, second)]
    return words


def unit_text(unit: Unit) -> str:
    """Give the words of a unit as they end a name: ``tokens/s`` -> ``tokens_per_second``."""
    return legalised("_".join(_unit_words(unit))) if unit.base else ""


def _unit_words(unit: Unit) -> list[str]:
    if not unit.base:
        return []
    over, _, under = unit.base.partition("/")
    words = [_WORDS.get(over, over)]
    if under:
        words += ["per", _PER.get(under, under)]
    return words


def _without_unit(words: _Worded, unit: Unit, unit_words: list[str]) -> _Worded:
    """Take the unit out of the words of a name, so that it is not there twice."""
    if not unit_words:
        return words
    texts = [word for word, _ in words]
    if "per" in unit_words and "per" in texts:
        at = len(texts) - 1 - texts[::-1].index("per")
        if at and texts[at - 1] == unit_words[0] and at == len(texts) - 2:
            return words[: at - 1]
    aliases = {unit.symbol, *unit_words}
    if unit.is_time:
        aliases |= _TIME_WORDS
    if unit.base == "bytes":
        aliases |= _BYTE_WORDS
    if texts and texts[-1] in aliases:
        return words[:-1]
    # Not the last word: take out the one place where it stands, as in "inference.tokens.input".
    if len(unit_words) == 1 and texts.count(unit_words[0]) == 1 and len(texts) > 1:
        return [word for word in words if word[0] != unit_words[0]]
    return words


@lru_cache(maxsize=4096)
def _label(tag: str, escaping: Escaping, *, is_dotted: bool) -> str:
    """Give the label of a tag. What Prometheus keeps for itself gets the prefix that it would put there itself."""
    name = _readable(tag) if is_dotted else legalised(tag)
    if name in _RESERVED or name.startswith("__"):
        name = f"exported_{name.lstrip('_')}"
    escaped = escaping.escape(name)
    return f"exported{escaped}" if escaped.startswith("__") else escaped

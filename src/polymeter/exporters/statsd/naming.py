"""Names and tags that a StatsD server can take, and that cannot be anything else to it.

Names and most tags keep ASCII letters, digits and a few signs; what is left out becomes ``_``. So nothing that a user
types can end a field, a line or a packet. The rules for names and for tags of Datadog are those of its documentation
("DogStatsD", "Getting started with tags"); its own client keeps letters of all scripts in tags, and so does this.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from zlib import crc32

from polymeter.data.kind import Kind

if TYPE_CHECKING:
    from polymeter.data.units import Unit

__all__ = ["LONGEST", "in_name", "milliseconds_name", "name_of", "tag_of", "word_of"]

LONGEST: Final = 200
"""Characters of a name or a tag; beyond that Datadog cuts."""

_NOT_IN_NAMES: Final = re.compile(r"[^a-zA-Z0-9_.]")
_NOT_IN_WORDS: Final = re.compile(r"[^a-zA-Z0-9_\-]")
_NOT_IN_PAIRS: Final = re.compile(r"[^a-zA-Z0-9_.\-]")
_NOT_IN_TAGS: Final = re.compile(r"[^\w\-:/.]")
_OTHER_TIMES: Final = re.compile(
    r"(?<=[a-zA-Z0-9])([._])(seconds|us|microseconds|ns|nanoseconds|minutes|hours|milliseconds)$"
)


def name_of(name: str) -> str:
    """Give the name of a metric; what does not begin with a letter is given one, ``m_``."""
    legal = _NOT_IN_NAMES.sub("_", name)
    return _within(legal if legal[0].isalpha() else f"m_{legal}", name)


def milliseconds_name(name: str, kind: Kind, unit: Unit) -> str:
    """Give the name of what is sent in milliseconds: a unit of time that ends it becomes ``ms``."""
    return _OTHER_TIMES.sub(r"\1ms", name) if kind is Kind.TIMER and unit.is_time else name


@lru_cache(maxsize=8192)
def tag_of(key: str, text: str) -> str:
    """Give a tag of Datadog's: ``key:text``, or ``key`` alone. A key has no colon, and begins with a letter."""
    legal = _NOT_IN_TAGS.sub("_", key).replace(":", "_")
    if not legal[0].isalpha():
        legal = f"t_{legal}"
    return _within(f"{legal}:{_NOT_IN_TAGS.sub('_', text)}" if text else legal, f"{key}:{text}")


def in_name(text: str) -> str:
    """Give a key or a text of a tag that is written into the name, between the signs of a dialect."""
    return _within(_NOT_IN_PAIRS.sub("_", text), text)


def word_of(text: str) -> str:
    """Give a key or a text as one word between the dots of a name."""
    return _within(_NOT_IN_WORDS.sub("_", text), text)


def _within(legal: str, given: str) -> str:
    """Give a text that is not too long; two that differ go on differing."""
    if len(legal) <= LONGEST:
        return legal
    mark = f"_{crc32(given.encode('utf-8', 'surrogatepass')):08x}"
    return legal[: LONGEST - len(mark)] + mark

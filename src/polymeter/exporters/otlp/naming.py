"""Names of metrics as OpenTelemetry has them.

A name is kept as it was given, except that

- a suffix that says a unit goes, because values leave in base units and the unit has a field of its own:
  ``inference.duration_ms`` is ``inference.duration`` in ``s``;
- what the syntax of instrument names does not allow becomes ``_`` (OpenTelemetry specification, metrics API,
  "Instrument name syntax": an ASCII letter, then at most 254 letters, digits, ``_``, ``.``, ``-`` and ``/``).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from zlib import crc32

if TYPE_CHECKING:
    from polymeter.data.units import Unit

__all__ = ["full_name", "instrument_name"]

_LONGEST: Final = 255
_ILLEGAL: Final = re.compile(r"[^A-Za-z0-9_.\-/]")
_SUFFIX: Final = re.compile(r"(?s)(.*[^._])[._]+([a-z]+)")
_TIMES: Final = frozenset(
    {"ms", "milliseconds", "us", "microseconds", "ns", "nanoseconds", "seconds", "minutes", "hours"}
)
_BYTES: Final = frozenset({"bytes", "kilobytes", "kibibytes", "megabytes", "mebibytes"})
_OF_BASE: Final = {"s": _TIMES, "bytes": _BYTES, "ratio": frozenset({"percent"})}


@lru_cache(maxsize=4096)
def instrument_name(name: str, unit: Unit) -> str:
    """Give the name of a metric."""
    match = _SUFFIX.fullmatch(name)
    if match is not None and match[2] in _OF_BASE.get(unit.base, ()):
        name = match[1]
    return full_name(name)


def full_name(name: str) -> str:
    """Give a name with its suffix, legal and not too long: one that is cut keeps apart from others by a checksum."""
    legal = _ILLEGAL.sub("_", name)
    if not legal[:1].isalpha():
        legal = f"m_{legal}"
    if len(legal) > _LONGEST:
        legal = f"{legal[: _LONGEST - 9]}_{crc32(name.encode('utf-8', 'replace')):08x}"
    return legal

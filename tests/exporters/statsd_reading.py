"""A strict reader of StatsD: whatever the grammar does not have is an error."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

NAME = r"[A-Za-z][A-Za-z0-9_.]*"
WORD = r"[A-Za-z0-9_.\-]+"
VALUE = r"-?[0-9]+(?:\.[0-9]+)?"
WITH_EXPONENT = VALUE + r"(?:e[+-]?[0-9]+)?"
RATE = r"(?:\|@(?P<rate>[01](?:\.[0-9]+)?))?"
TAG = r"[^\W\d_][\w\-:/.]*"

_AFTER_NAME = {
    "etsy": "",
    "none": "",
    "graphite": rf"(?P<tags>(?:;{WORD}={WORD})*)",
    "influx": rf"(?P<tags>(?:,{WORD}={WORD})*)",
    "librato": rf"(?P<tags>(?:#{WORD}={WORD}(?:,{WORD}={WORD})*)?)",
    "signalfx": rf"(?P<tags>(?:\[{WORD}={WORD}(?:,{WORD}={WORD})*\])?)",
}
_DATADOG = re.compile(
    rf"(?P<name>{NAME}):(?P<values>{WITH_EXPONENT}(?::{WITH_EXPONENT})*)\|(?P<type>c|g|ms|h|d)"
    rf"{RATE}(?:\|#(?P<tags>{TAG}(?:,{TAG})*))?(?:\|c:(?P<container>[\w\-]+))?(?:\|e:(?P<external>[\w\-,]+))?"
    r"(?:\|card:(?P<cardinality>none|low|orchestrator|high))?(?:\|T(?P<timestamp>[1-9][0-9]*))?"
)


@dataclass(frozen=True)
class Line:
    """One line: a name, values of one type that stand for ``1 / rate`` observations each, and tags."""

    name: str
    values: tuple[float, ...]
    type: str
    rate: float = 1.0
    tags: tuple[tuple[str, str], ...] = ()
    container: str | None = None
    external: str | None = None
    cardinality: str | None = None
    timestamp: int | None = None


def lines_of(packets: Any, dialect: str = "datadog") -> list[Line]:
    """Read packets strictly.

    :raises ValueError: for anything that the dialect does not have.
    """
    return [read for packet in packets for text in packet.decode().split("\n") for read in _line(text, dialect)]


def _line(text: str, dialect: str) -> list[Line]:
    if dialect == "datadog":
        match = _DATADOG.fullmatch(text)
        if match is None or max(map(len, (match["name"], *(match["tags"] or "").split(",")))) > 200:
            raise ValueError(text)
        tags = tuple(tuple(tag.split(":", 1)) for tag in match["tags"].split(",")) if match["tags"] else ()
        values = tuple(map(float, match["values"].split(":")))
        timestamp = int(match["timestamp"]) if match["timestamp"] else None
        rate = float(match["rate"] or 1)
        rest = match["container"], match["external"], match["cardinality"], timestamp
        return [Line(match["name"], values, match["type"], rate, tags, *rest)]
    name = NAME.replace("_.", r"_.\-") if dialect == "etsy" else NAME
    head = re.match(rf"(?P<name>{name}){_AFTER_NAME[dialect]}:", text)
    if head is None:
        raise ValueError(text)
    tags = head.groupdict().get("tags") or ""
    pairs = tuple(tuple(pair.split("=", 1)) for pair in re.split(r"[;,#\[\]]", tags) if pair)
    found = []
    for part in text[head.end() :].split(":"):
        match = re.fullmatch(rf"(?P<value>{VALUE})\|(?P<type>c|g|ms|h|d){RATE}", part)
        if match is None:
            raise ValueError(text)
        found.append(Line(head["name"], (float(match["value"]),), match["type"], float(match["rate"] or 1), pairs))
    return found


def counts(lines: list[Line]) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Add up what a server would count, by name and tags: counters, and observations by their rate."""
    total: dict[Any, float] = {}
    for line in lines:
        if line.type != "g":
            amount = sum(line.values) if line.type == "c" else sum(int(1 / line.rate) for _ in line.values)
            total[line.name, line.tags] = total.get((line.name, line.tags), 0) + amount
    return total


def observed(lines: list[Line], name: str) -> list[tuple[float, int]]:
    """Give the values of a name, and how many observations each stands for; ascending."""
    return sorted((value, int(1 / line.rate)) for line in lines if line.name == name for value in line.values)

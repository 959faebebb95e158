"""What is read from the headers and the query of a request."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

__all__ = ["names_in", "takes_gzip"]

_GZIP: Final = ("gzip", "x-gzip")


def takes_gzip(accept_encoding: str) -> bool:
    """Tell whether an ``Accept-Encoding`` allows gzip: by name, else by ``*``; a weight of 0 forbids."""
    everything = False
    for item in accept_encoding.lower().split(","):
        coding, *parameters = (part.strip() for part in item.split(";"))
        if coding in _GZIP:
            return _weight(parameters) > 0
        if coding == "*":
            everything = _weight(parameters) > 0
    return everything


def names_in(query: str) -> tuple[str, ...]:
    """Give the values of ``name[]`` in a query, in order, each once."""
    if "name" not in query:
        return ()
    return tuple(dict.fromkeys(value for name, value in parse_qsl(query, errors="replace") if name == "name[]"))


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, text = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(text)
            except ValueError:
                return 0.0
    return 1.0

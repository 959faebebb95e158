"""Content negotiation: what the ``Accept`` header of a scrape asks for."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from polymeter.exporters.prometheus.escaping import Escaping

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["TEXT_0_0_4", "Format", "Wanted", "negotiated"]


class Format(Enum):
    """The formats, by their content types."""

    TEXT_0_0_4 = "text/plain; version=0.0.4; charset=utf-8"
    TEXT_1_0_0 = "text/plain; version=1.0.0; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"


class Wanted(NamedTuple):
    """A format and how names are escaped in it."""

    format: Format
    escaping: Escaping = Escaping.UNDERSCORES
    says_escaping: bool = False

    @property
    def content_type(self) -> str:
        """The ``Content-Type`` of the answer."""
        said = f"; escaping={self.escaping}" if self.says_escaping else ""
        return self.format.value + said


TEXT_0_0_4: Final = Wanted(Format.TEXT_0_0_4)
_SCHEMES: Final = {str(each): each for each in Escaping}


def negotiated(accept: str) -> Wanted:
    """Give the best of what an ``Accept`` header asks for; text 0.0.4 if there is nothing that we have."""
    # Sorted by quality; of equal ones the first comes first.
    for _, media, parameters in sorted(_entries(accept), key=lambda entry: -entry[0]):
        wanted = _wanted(media, parameters)
        if wanted is not None:
            return wanted
    return TEXT_0_0_4


def _entries(accept: str) -> Iterator[tuple[float, str, dict[str, str]]]:
    for entry in accept.split(","):
        media, *rest = entry.split(";")
        pairs = (part.partition("=") for part in rest)
        parameters = {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}
        quality = _quality(parameters.get("q", "1"))
        if quality > 0:
            yield quality, media.strip().lower(), parameters


def _quality(text: str) -> float:
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0


def _wanted(media: str, parameters: dict[str, str]) -> Wanted | None:
    version = parameters.get("version", "")
    asked = _SCHEMES.get(parameters.get("escaping", "").lower())
    escaping = asked or Escaping.UNDERSCORES
    is_first = version.partition(".")[0] == "1"
    if media == "application/vnd.google.protobuf":
        is_ours = parameters.get("proto") == "io.prometheus.client.MetricFamily"
        if is_ours and parameters.get("encoding") == "delimited":
            return Wanted(Format.PROTOBUF, escaping, asked is not None)
    elif media == "application/openmetrics-text":
        if not version:
            return Wanted(Format.OPENMETRICS)
        if is_first:
            return Wanted(Format.OPENMETRICS, escaping, asked is not None)
    elif media == "text/plain" and is_first:
        return Wanted(Format.TEXT_1_0_0, escaping, says_escaping=True)
    elif (media == "text/plain" and version in {"", "0.0.4"}) or media in {"text/*", "*/*"}:
        return TEXT_0_0_4
    return None

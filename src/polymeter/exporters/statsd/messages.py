"""What is no metric of a registry: events and service checks of DogStatsD, members of sets. Pure functions to lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from polymeter.errors import DefinitionError
from polymeter.exporters.statsd.naming import name_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polymeter.exporters.statsd.series import Texts

__all__ = ["LONGEST", "AlertType", "Priority", "Status", "event_line", "service_check_line", "set_line"]

Priority: TypeAlias = Literal["normal", "low"]
AlertType: TypeAlias = Literal["error", "warning", "info", "success"]
Status: TypeAlias = Literal["ok", "warning", "critical", "unknown"]

LONGEST: Final = 8 * 1024
"""Bytes that an event or a check may have."""

_STATUS: Final[Mapping[str, int]] = {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}
_PRIORITIES: Final = ("normal", "low")
_ALERTS: Final = ("error", "warning", "info", "success")
_NOT_IN_SETS: Final = re.compile(r"[|:\x00-\x1f\x7f]")
_NOT_IN_FIELDS: Final = re.compile(r"[|\x00-\x1f\x7f]")


def event_line(
    title: str,
    text: str,
    *,
    at: float,
    host: str | None,
    aggregation_key: str | None,
    priority: Priority | None,
    source_type: str | None,
    alert_type: AlertType | None,
    tail: str,
) -> bytes:
    """Give the line of an event.

    :param at: Unix seconds.
    :param tail: tags and origin.
    :raises DefinitionError: for a word that the field does not have.
    """
    title, text = (
        _utf8(part).replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "\\n") for part in (title, text)
    )
    fields = [
        f"_e{{{len(title.encode())},{len(text.encode())}}}:{title}|{text}",
        f"|d:{int(at)}",
        _field("|h:", host),
        _field("|k:", aggregation_key),
        _field("|p:", _one_of("priority", priority, _PRIORITIES)),
        _field("|s:", source_type),
        _field("|t:", _one_of("alert_type", alert_type, _ALERTS)),
        tail,
    ]
    return "".join(fields).encode()


def service_check_line(
    name: str, status: Status, *, at: float, host: str | None, message: str | None, tags: str, origin: str
) -> bytes:
    """Give the line of a service check.

    :param at: Unix seconds.
    :raises DefinitionError: for a status that there is not.
    """
    if status not in _STATUS:
        _one_of("status", status, tuple(_STATUS))
    said = re.sub(r"\r\n|\r|\n", r"\\n", _utf8(message or "")).replace("|", "_").replace("m:", "m\\:")
    fields = [
        f"_sc|{name_of(name)}|{_STATUS[status]}",
        f"|d:{int(at)}",
        _field("|h:", host),
        tags,
        f"|m:{said}" if said else "",
        origin,
    ]
    return "".join(fields).encode()


def set_line(texts: Texts, value: str) -> bytes:
    """Give the line of one member of a set."""
    return f"{texts.head}:{_NOT_IN_SETS.sub('_', _utf8(value)) or '_'}|s{texts.tail}".encode()


def _field(mark: str, text: str | None) -> str:
    return mark + _NOT_IN_FIELDS.sub("_", _utf8(text)) if text else ""


def _utf8(text: str) -> str:
    """Give a text that can be written: a lone surrogate cannot."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _one_of(what: str, said: str | None, words: tuple[str, ...]) -> str | None:
    if said is not None and said not in words:
        message = f"{what}={said!r}: use one of {', '.join(map(repr, words))}"
        raise DefinitionError(message)
    return said

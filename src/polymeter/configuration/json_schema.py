"""The JSON schema of ``polymeter.toml``, for editors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from polymeter.configuration.discovered import AUTO
from polymeter.configuration.forms import with_reference
from polymeter.configuration.options import Options, options_of
from polymeter.configuration.reading import NOT_SAID, ROOMS, TAG_VALUES
from polymeter.configuration.rooms import REGISTRIES, SOURCES
from polymeter.configuration.serving import serving_options
from polymeter.configuration.triggers import Triggers

if TYPE_CHECKING:
    from polymeter.configuration.rooms import Room

__all__ = ["schema"]

_REFERENCE: Final[dict[str, Any]] = {
    "description": "a value that stands elsewhere",
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
    "properties": {"env": {"type": "string"}, "file": {"type": "string"}},
}
_USE: Final = {"use": {"type": "string", "description": "a short name, or package.module:name"}}


def schema() -> dict[str, Any]:
    """Give what a configuration may say, as a JSON schema; made of the exporters, collectors and sources there are."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "polymeter.toml",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "service_name": with_reference({"type": "string"}),
            "disabled": with_reference({"type": "boolean"}),
            "resource": TAG_VALUES.schema(),
            "registry": _registry(),
            "triggers": _table(options_of(Triggers)),
            **{section: _section(room) for section, room in ROOMS.items()},
        },
        "$defs": {"reference": _REFERENCE},
    }


def _section(room: Room) -> dict[str, Any]:
    names = list(room.names)
    things = {name: _thing(room.find(name), room.wiring) for name in names}
    own = {"type": "object", "properties": _USE}
    auto = [{"const": AUTO, "description": "of every library that is installed"}] if room is SOURCES else []
    return {
        "anyOf": [
            *auto,
            {"type": "array", "items": {"type": "string"}, "examples": [names]},
            {"type": "object", "properties": things, "additionalProperties": {"anyOf": [own, {"type": "boolean"}]}},
        ]
    }


def _thing(target: Any, wiring: Options) -> dict[str, Any]:
    more = {**_USE, **_table(wiring)["properties"]}
    serving = serving_options(target)
    if serving is not None:
        more["serve"] = {"anyOf": [{"type": ["integer", "boolean"]}, _table(serving)]}
    return {"anyOf": [_table(options_of(target), **more), {"type": "boolean"}]}


def _registry() -> dict[str, Any]:
    known = [options_of(REGISTRIES.find(name)) for name in REGISTRIES.names]
    every = {name: option for options in known for name, option in options.by_name.items() if name not in NOT_SAID}
    return {**_table(Options(every), **_USE), "additionalProperties": True}


def _table(options: Options, **more: Any) -> dict[str, Any]:
    properties = {name: with_reference(option.form.schema()) for name, option in options.by_name.items() if option.form}
    required = [name for name, option in options.by_name.items() if option.is_required and name in properties]
    table: dict[str, Any] = {"type": "object", "properties": {**more, **properties}}
    if not options.takes_any:
        table["additionalProperties"] = False
    return {**table, "required": required} if required and not more else table

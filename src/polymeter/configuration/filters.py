"""A filter of a registry: a table that says which one, and its options."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from polymeter.configuration import scalars
from polymeter.configuration.readings import MISSING, read, read_options
from polymeter.configuration.rooms import Room
from polymeter.configuration.said import Said
from polymeter.configuration.secret import Secret, has_secrets, masked, revealed
from polymeter.configuration.shapes import is_table
from polymeter.errors import DefinitionError
from polymeter.registries.filters import MetricFilter
from polymeter.registries.filters.filter import Filter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polymeter.configuration.options import Options
    from polymeter.configuration.problems import Place

__all__ = ["FILTER", "MetricFilter"]


class _Filters(Room):
    """The filters that there are: ``DropTags`` is ``drop_tags``."""

    @property
    def names(self) -> Mapping[str, str]:
        """Short name -> name of the class."""
        room = importlib.import_module(self.package)
        return {short: name for short, name in super().names.items() if _is_class(getattr(room, name), Filter)}


def _is_class(found: object, of: type) -> bool:
    return isinstance(found, type) and issubclass(found, of)


_FILTERS: Final = _Filters("polymeter.registries.filters", "", "filter")


class _FilterForm:
    """``{ use = "drop_tags", tags = ["user_id"] }``; one of your own may be its address alone."""

    @property
    def expected(self) -> str:
        """What a value has to be, for humans."""
        return f"a table with use = one of {', '.join(map(repr, _FILTERS.names))}, and its options"

    def take(self, value: Any, place: Place, environ: Mapping[str, str]) -> Any:
        """Make it."""
        rest: dict[str, Any] = {"use": value} if isinstance(value, str | Said) else value
        if not is_table(rest):
            raise ValueError
        use = read(rest.get("use"), scalars.TEXT, place.at("use"), environ) if "use" in rest else None
        if use is None:
            place.problem(f"it needs 'use': one of {', '.join(_FILTERS.names)}, or your own as 'package.module:name'")
        if use is None or use is MISSING:
            return MISSING
        try:
            target = _FILTERS.find(str(revealed(use)))
        except DefinitionError as error:
            place.at("use").problem(str(error))
            return MISSING
        return self._made(target, {key: each for key, each in rest.items() if key != "use"}, place, environ)

    @staticmethod
    def _made(target: Any, said: dict[str, Any], place: Place, environ: Mapping[str, str]) -> Any:
        if not callable(target):
            return target
        known = _options_of(target)
        listed = {
            key: [each] if isinstance(each, str) and _is_spread(known, key) else each for key, each in said.items()
        }
        values = read_options(listed, known, place, environ)
        required = {name for name, option in known.by_name.items() if option.is_required}
        if len(values) < len(said) or required - values.keys():  # said already
            return MISSING
        try:
            made = known.call(target, revealed(values))
        except Exception as error:  # noqa: BLE001 - it may be of the user's own make
            place.problem(masked(str(error), values))
            return MISSING
        return Secret(made, inner=values) if has_secrets(values) else made

    def schema(self) -> dict[str, Any]:
        """Give the JSON schema."""
        return {"anyOf": [*map(_schema_of, _FILTERS.names), _OWN]}


_OWN: Final = {"type": "object", "properties": {"use": {"type": "string", "pattern": ":"}}, "required": ["use"]}


def _schema_of(short: str) -> dict[str, Any]:
    options = _options_of(_FILTERS.find(short)).by_name
    said = {name: option.form.schema() for name, option in options.items() if option.form is not None}
    for name, option in options.items():
        if option.is_spread and name in said:
            said[name] = {"anyOf": [said[name], {"type": "string"}]}
    return {
        "type": "object",
        "properties": {"use": {"const": short}, **said},
        "required": ["use", *(name for name, option in options.items() if option.is_required)],
        "additionalProperties": False,
    }


def _options_of(target: Any) -> Options:
    from polymeter.configuration.options import options_of  # which asks for this form

    return options_of(target)


def _is_spread(known: Options, key: str) -> bool:
    option = known.find(key)
    return option is not None and option.is_spread


FILTER: Final = _FilterForm()

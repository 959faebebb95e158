"""Values that are small objects: a table names the parameters of their class."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from polymeter.configuration import scalars
from polymeter.configuration.forms import with_reference
from polymeter.configuration.readings import MISSING, read
from polymeter.configuration.secret import Secret, has_secrets, masked, revealed
from polymeter.configuration.shapes import is_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polymeter.configuration.options import Options
    from polymeter.configuration.problems import Place

__all__ = ["Built", "built"]

_UNSURE: Final = (scalars.ANYTHING, scalars.CALLABLE)
_in_work: set[type] = set()


def built(of: type) -> Built | None:
    """Give the form of a class that is made of values alone; ``None`` for any other."""
    from polymeter.configuration.options import options_of

    if of in _in_work or inspect.isabstract(of) or getattr(of, "_is_protocol", False) or of.__module__ == "builtins":
        return None
    _in_work.add(of)  # a class whose parameter is of its own kind
    try:
        known = options_of(of)
    finally:
        _in_work.discard(of)
    options = list(known.by_name.values())
    if known.takes_any or not options or any(each.form is None or each.form in _UNSURE for each in options):
        return None
    return Built(of, known)


@dataclass(frozen=True)
class Built:
    """An object, made of the table of its parameters.

    :ivar of: its class.
    """

    of: type
    known: Options

    @property
    def expected(self) -> str:
        """What a value has to be, for humans."""
        return f"a table of {' and '.join(map(repr, self.known.by_name))}"

    def take(self, value: Any, place: Place, environ: Mapping[str, str]) -> Any:
        """Make it."""
        if not is_table(value):
            raise ValueError
        table, options = value, self.known.by_name
        if table.keys() - options or any(each.is_required and name not in table for name, each in options.items()):
            raise ValueError
        values = {
            name: read(each, options[name].form or scalars.ANYTHING, place.at(name), environ)
            for name, each in table.items()
        }
        if any(each is MISSING for each in values.values()):
            return MISSING
        try:
            made = self.known.call(self.of, revealed(values))
        except Exception as error:  # noqa: BLE001 - whatever it refuses
            place.problem(masked(str(error), values))
            return MISSING
        return Secret(made, inner=values) if has_secrets(values) else made

    def schema(self) -> dict[str, Any]:
        """Give the JSON schema."""
        options = self.known.by_name
        properties = {name: with_reference(each.form.schema()) for name, each in options.items() if each.form}
        required = [name for name, each in options.items() if each.is_required]
        table = {"type": "object", "properties": properties, "additionalProperties": False}
        return {**table, "required": required} if required else table

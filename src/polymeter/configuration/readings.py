"""Reads values in their forms: one, or a table of options."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from polymeter.configuration.references import followed, is_reference
from polymeter.configuration.said import Said, origin_of
from polymeter.configuration.scalars import ANYTHING
from polymeter.configuration.secret import Secret, is_secret, without_login
from polymeter.configuration.shapes import is_list, is_table
from polymeter.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from polymeter.configuration.forms import Form
    from polymeter.configuration.options import Options
    from polymeter.configuration.problems import Place

__all__ = ["MISSING", "place_of", "read", "read_options"]

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})

MISSING: Final = object()
"""Stands for a value that cannot be used; why has been noted."""


def read(value: Any, form: Form, place: Place, environ: Mapping[str, str]) -> Any:
    """Give a value as Python needs it; :data:`MISSING`, with a problem noted, if it cannot be had.

    What only refers to a value, or is called like a secret, gives a :class:`Secret`.
    """
    refers = is_reference(value) and not getattr(form, "has_free_names", False)
    found = followed(value, place, environ) if refers else value
    if found is None:
        return MISSING
    if isinstance(found, Said):
        place = place.said_by(found.origin) if not found.is_reference else place
    hidden = refers or any(map(is_secret, place.path[1:]))
    try:
        taken = form.take(found, place, environ)
    except DefinitionError as error:  # such a name cannot be imported
        place.problem(str(error))
        return MISSING
    except ValueError:
        place.problem(f"expected {form.expected}, not {_what(found, hidden=hidden)}")
        return MISSING
    if hidden and taken is not MISSING and not isinstance(taken, bool):
        return Secret(taken, found.origin if isinstance(found, Said) else "")
    return taken


def read_options(
    table: Mapping[str, Any],
    known: Options,
    place: Place,
    environ: Mapping[str, str],
    *,
    what: str = "option",
    also: Iterable[str] = (),
    elsewhere: Mapping[str, str] = _NOTHING,
) -> dict[str, Any]:
    """Give the values of a table as ``known`` has them, noting what cannot be used and what is missing.

    :param what: what its keys are, for humans.
    :param also: keys that may stand there too, and were taken out already.
    :param elsewhere: keys that one may look for here -> where they are.
    """
    given: dict[str, Any] = {}
    for key, value in table.items():
        option, here = known.find(key), place_of(value, place.at(key))
        if option is None and not known.takes_any and key in elsewhere:
            here.problem(f"there is no such {what}: did you mean {elsewhere[key]!r}?")
        elif option is None and not known.takes_any:
            here.unknown(f"there is no such {what}", key, [*known.known, *also])
        elif option is not None and option.form is None:
            here.problem("this cannot be said here: it takes Python")
        else:
            form = ANYTHING if option is None or option.form is None else option.form
            given[key if option is None else option.name] = read(value, form, here, environ)
    for option in known.by_name.values():
        if option.is_required and option.name not in given:
            takes_code = "" if option.form is not None else ", which takes Python: wire this one there"
            place.problem(f"it needs {option.name!r}{takes_code}")
    return {key: value for key, value in given.items() if value is not MISSING}


def place_of(value: Any, place: Place) -> Place:
    """Give the place that says a value: a variable, if there is nothing else in it."""
    origin = origin_of(value)
    return place if origin is None else place.said_by(origin)


def _what(value: Any, *, hidden: bool) -> str:
    """Say what was found, but no secret."""
    if isinstance(value, Said) and value.is_reference:
        return f"what {value.origin} says"
    if hidden:
        return "what it says"
    if isinstance(value, str):
        return f"the text {without_login(str(value))!r}"
    if isinstance(value, int | float):
        return str(value).lower()
    return "a table" if is_table(value) else "a list" if is_list(value) else f"a {type(value).__name__}"

"""Forms: what a type of Python looks like in a configuration, and how one becomes the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from polymeter.configuration.readings import MISSING, read
from polymeter.configuration.said import Said
from polymeter.configuration.shapes import is_list, is_table
from polymeter.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from polymeter.configuration.problems import Place

__all__ = ["Choice", "Form", "Listing", "OneOf", "Table", "with_reference"]


class Form(Protocol):
    """One way to say a value."""

    @property
    def expected(self) -> str:
        """What a value has to be, for humans."""
        ...

    def take(self, value: Any, place: Place, environ: Mapping[str, str]) -> Any:
        """Give the value as Python needs it, or :data:`MISSING`: it does not have this form, or parts of it do not.

        :raises ValueError: if it does not have this form.
        """
        ...

    def schema(self) -> dict[str, Any]:
        """Give the JSON schema."""
        ...


@dataclass(frozen=True)
class Choice:
    """One of a few values.

    :ivar values: what is said -> what Python needs.
    """

    values: Mapping[Any, Any]

    @property
    def expected(self) -> str:
        """What a value has to be, for humans."""
        return f"one of {', '.join(map(repr, self.values))}"

    def take(self, value: Any, place: Place, environ: Mapping[str, str]) -> Any:
        """Find it among the choices."""
        del place, environ
        for said, meant in self.values.items():
            same_type = type(said) is type(value) or isinstance(value, Said)
            if same_type and (str(said) == str(value) if isinstance(value, Said) else said == value):
                return meant
        raise ValueError

    def schema(self) -> dict[str, Any]:
        """Give the JSON schema."""
        return {"enum": list(self.values)}


@dataclass(frozen=True)
class Listing:
    """Several values of one form; a variable says them with commas."""

    of: Form
    make: Callable[[list[Any]], Any] = tuple

    @property
    def expected(self) -> str:
        """What a value has to be, for humans."""
        return "a list"

    def take(self, value: Any, place: Place, environ: Mapping[str, str]) -> Any:
        """Read each."""
        if isinstance(value, Said):
            value = [
                Said.by(each.strip(), value.origin, is_reference=value.is_reference)
                for each in value.split(",")
                if each.strip()
            ]
        if not is_list(value):
            raise ValueError
        items = [read(each, self.of, place.at(str(number)), environ) for number, each in enumerate(value)]
        return MISSING if any(each is MISSING for each in items) else self.make(items)

    def schema(self) -> dict[str, Any]:
        """Give the JSON schema."""
        return {"type": "array", "items": with_reference(self.of.schema())}


@dataclass(frozen=True)
class Table:
    """Names with values of one form; a variable says them as ``name=value,name=value``.

    Of such a table nobody can tell whether ``{ env = "prod" }`` refers to a variable: it never does.
    """

    of: Form
    has_free_names: ClassVar[bool] = True

    @property
    def expected(self) -> str:
        """What a value has to be, for humans."""
        return "a table"

    def take(self, value: Any, place: Place, environ: Mapping[str, str]) -> Any:
        """Read each."""
        if isinstance(value, Said):
            value = self._pairs(value)
        if not is_table(value):
            raise ValueError
        items = {key: read(each, self.of, place.at(key), environ) for key, each in value.items()}
        return MISSING if any(each is MISSING for each in items.values()) else items

    @staticmethod
    def _pairs(said: Said) -> dict[str, Said]:
        pairs = [each.partition("=") for each in said.split(",") if each.strip()]
        if not all(name.strip() and equals for name, equals, _ in pairs):
            raise ValueError
        return {
            name.strip(): Said.by(text.strip(), said.origin, is_reference=said.is_reference) for name, _, text in pairs
        }

    def schema(self) -> dict[str, Any]:
        """Give the JSON schema."""
        return {"type": "object", "additionalProperties": with_reference(self.of.schema())}


@dataclass(frozen=True)
class OneOf:
    """Any of several forms: the first that a value has."""

    forms: tuple[Form, ...]

    @property
    def has_free_names(self) -> bool:
        """Whether a table may be said here whose names are the user's."""
        return any(getattr(form, "has_free_names", False) for form in self.forms)

    @property
    def expected(self) -> str:
        """What a value has to be, for humans."""
        return " or ".join(form.expected for form in self.forms)

    def take(self, value: Any, place: Place, environ: Mapping[str, str]) -> Any:
        """Try one after the other."""
        for form in self.forms:
            try:
                return form.take(value, place, environ)
            except DefinitionError:  # this is its form, and why it does not work is worth saying
                raise
            except ValueError:
                continue
        raise ValueError

    def schema(self) -> dict[str, Any]:
        """Give the JSON schema."""
        return {"anyOf": [form.schema() for form in self.forms]}


def with_reference(schema: dict[str, Any]) -> dict[str, Any]:
    """Give the schema of a value that may also stand elsewhere."""
    return {"anyOf": [schema, {"$ref": "#/$defs/reference"}]} if schema else {}

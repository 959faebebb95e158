"""The rooms whose things a configuration can name, and how they are called there."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, get_args

from polymeter.configuration.forms import Choice
from polymeter.configuration.loading import is_address, loaded
from polymeter.configuration.options import Option, Options
from polymeter.configuration.problems import near
from polymeter.configuration.scalars import PATH
from polymeter.errors import DefinitionError
from polymeter.pump.delivery import Ambiguous

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["COLLECTORS", "EXPORTERS", "REGISTRIES", "SOURCES", "Room"]

_NEW_WORD: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z])")


@dataclass(frozen=True)
class Room:
    """One room, whose list of names is the only one: ``JsonLinesExporter`` is ``json_lines``.

    :ivar package: where the room is.
    :ivar suffix: what its classes' names end with.
    :ivar thing: what one of them is, for humans.
    :ivar wiring: options of all of them that say how one is wired, not what it is.
    """

    package: str
    suffix: str
    thing: str
    wiring: Options = field(default_factory=lambda: Options({}))

    @property
    def names(self) -> Mapping[str, str]:
        """Short name -> name of the class."""
        listed: list[str] = importlib.import_module(self.package).__all__
        stems = {name: name.removesuffix(self.suffix) for name in listed if name.endswith(self.suffix)}
        return {_NEW_WORD.sub("_", stem).lower(): name for name, stem in stems.items() if stem}

    def find(self, name: str) -> Any:
        """Give what is called ``name``: one of ours, or what ``package.module:name`` names.

        :raises DefinitionError: if there is no such thing; the message names the nearest one.
        """
        if ":" in name:
            return loaded(name)
        names = self.names
        for short, of_class in names.items():
            if _same(short, name):
                return getattr(importlib.import_module(self.package), of_class)
        article = "an" if self.thing[0] in "aeiou" else "a"
        module, _, last = name.rpartition(".")
        if is_address(f"{module}:{last}"):
            message = f"{name!r} is not {article} {self.thing}: for your own write '{module}:{last}'"
        else:
            hint = near(name, names, "or your own as 'package.module:name'")
            message = f"there is no {self.thing} {name!r}{hint}"
        raise DefinitionError(message)


def _same(one: str, other: str) -> bool:
    """Tell whether two names differ in nothing but how their words are set apart."""
    return one.replace("_", "") == other.replace("_", "").replace("-", "").lower()


_AMBIGUOUS: Final = Option("ambiguous", Choice({each: each for each in get_args(Ambiguous)}), is_required=False)

_SPOOL: Final = Option("spool", PATH, is_required=False)

_HOW: Final = Options({"ambiguous": _AMBIGUOUS, "spool": _SPOOL})
EXPORTERS: Final = Room("polymeter.exporters", "Exporter", "exporter", _HOW)
COLLECTORS: Final = Room("polymeter.collectors", "MetricsCollector", "collector")
SOURCES: Final = Room("polymeter.sources", "Source", "source")
REGISTRIES: Final = Room("polymeter.registries", "Registry", "registry")

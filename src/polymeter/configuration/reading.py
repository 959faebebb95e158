"""From what was said to a checked configuration, with everything that is wrong noted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from polymeter.configuration import scalars
from polymeter.configuration.discovered import with_discovered
from polymeter.configuration.forms import OneOf, Table
from polymeter.configuration.options import Options, options_of
from polymeter.configuration.part import Part
from polymeter.configuration.problems import Place, Problems
from polymeter.configuration.readings import MISSING, place_of, read, read_options
from polymeter.configuration.references import is_reference
from polymeter.configuration.rooms import COLLECTORS, EXPORTERS, REGISTRIES, SOURCES, Room
from polymeter.configuration.said import Said, yes_or_no
from polymeter.configuration.secret import revealed
from polymeter.configuration.sections import parts_said
from polymeter.configuration.serving import serving_options
from polymeter.configuration.shapes import is_table
from polymeter.configuration.triggers import Triggers
from polymeter.data.tags import Tags
from polymeter.errors import DefinitionError, InvalidTagsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polymeter.configuration.forms import Form

__all__ = ["KEYS", "NOT_SAID", "ROOMS", "TAG_VALUES", "Reading"]

ROOMS: Final = {"exporters": EXPORTERS, "collectors": COLLECTORS, "sources": SOURCES}
KEYS: Final = ("collectors", "disabled", "exporters", "registry", "resource", "service_name", "sources", "triggers")
TAG_VALUES: Final = Table(OneOf((scalars.TEXT, scalars.BOOLEAN, scalars.NUMBER)))
NOT_SAID: Final = frozenset({"clock", "resource"})
"""Options of registries that the configuration itself gives."""
_MEANT: Final = dict.fromkeys(("tags", "labels", "common_tags", "attributes", "resource_attributes"), "resource") | {
    "service": "service_name",
    "name": "service_name",
    "enabled": "disabled",
    "every": "triggers.every",
    "interval": "triggers.every",
    "port": "exporters.prometheus.serve.port",
}
"""What else one may come to call a key."""


class Reading:
    """Reads one document.

    :ivar problems: what is wrong with it, so far.
    """

    def __init__(self, origin: str, table: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        """:param environ: where references to variables are looked up."""
        self.problems = Problems()
        self._table = dict(table)
        self._environ = environ
        self._top = Place(self.problems, origin)

    def refuse_unknown_keys(self) -> None:
        """Note the keys at the top that mean nothing."""
        for key, value in self._table.items():
            if key not in KEYS:
                place = place_of(value, self._top.at(key))
                meant = _MEANT.get(key) or _two_underscores(key, value)
                if meant:
                    place.problem(f"there is no such key: did you mean {meant!r}?")
                else:
                    place.unknown("there is no such key", key, KEYS)

    def disabled(self) -> bool:
        """Give whether nothing is to be wired."""
        return bool(self._scalar("disabled", scalars.BOOLEAN, otherwise=False))

    def resource(self) -> Tags:
        """Give the tags of everything, the service's name among them."""
        given = revealed(self._scalar("resource", TAG_VALUES, otherwise={}))
        name = revealed(self._scalar("service_name", scalars.TEXT, otherwise=None))
        if name is not None:
            given = {**given, "service.name": name}
        try:
            return Tags(given)
        except InvalidTagsError as error:
            self._top.at("resource").problem(str(error))
            return Tags.empty()

    def registry(self, resource: Tags) -> Part:
        """Give the registry."""
        place = place_of(self._table.get("registry"), self._top.at("registry"))
        said = self._table.get("registry", {})
        if not is_table(said):
            place.problem("expected a table")
            said = {}
        part = self._part(REGISTRIES, "aggregating", said, place, without=NOT_SAID)
        if resource and part is not None and not _takes_resource(part.make_of):
            place.problem(f"{part.use} takes no resource: leave 'resource' and 'service_name' out")
        return part or Part("aggregating", "aggregating", REGISTRIES.find("aggregating"))

    def triggers(self) -> Triggers:
        """Give when to export."""
        place = place_of(self._table.get("triggers"), self._top.at("triggers"))
        said = self._table.get("triggers", {})
        if not is_table(said):
            place.problem("expected a table")
            return Triggers()
        options = read_options(said, options_of(Triggers), place, self._environ, what="key")
        try:
            return Triggers(**revealed(options))
        except DefinitionError as error:
            place.problem(str(error))
            return Triggers()

    def parts(self, section: str) -> tuple[Part, ...]:
        """Give the exporters, the collectors or the sources."""
        room, place = ROOMS[section], self._top.at(section)
        said = self._table.get(section, {})
        if room is SOURCES:
            said = with_discovered(said, room)
        found: list[Part] = []
        for name, table in parts_said(said, place):
            part = self._part(room, name, table, place_of(table, place.at(name)))
            if part is not None:
                found.append(part)
        return tuple(found)

    def _scalar(self, key: str, form: Form, *, otherwise: Any) -> Any:
        if key not in self._table:
            return otherwise
        value = read(self._table[key], form, self._top.at(key), self._environ)
        return otherwise if value is MISSING else revealed(value)

    def _part(
        self, room: Room, name: str, table: Mapping[str, Any], place: Place, without: frozenset[str] = frozenset()
    ) -> Part | None:
        rest = dict(table)
        use = read(rest.pop("use", name), scalars.TEXT, place.at("use"), self._environ)
        if use is MISSING:
            return None
        use = str(revealed(use))
        try:
            target = room.find(use)
        except DefinitionError as error:
            (place.at("use") if "use" in table else place).problem(str(error))
            return None
        serve = self._serving(rest, target, place)
        wiring_said = {key: rest.pop(key) for key in room.wiring.known if key in rest}
        wiring = read_options(wiring_said, room.wiring, place, self._environ)
        known = options_of(target) if callable(target) else Options({})
        serving = serving_options(target)
        also = [*room.wiring.known, *(["serve"] if serving else [])]
        elsewhere = {key: f"serve.{key}" for key in serving.known} if serving else {}
        options = read_options(rest, known.without(*without), place, self._environ, also=also, elsewhere=elsewhere)
        return Part(name, use, target, options, wiring, serve, str(place))

    def _serving(self, table: dict[str, Any], target: Any, place: Place) -> Mapping[str, Any] | None:
        """Take what is said of serving out of a table and give its options."""
        known = serving_options(target)
        if "serve" not in table or known is None:
            return None
        said = table.pop("serve")
        place = place_of(said, place.at("serve"))
        switch = yes_or_no(said) if isinstance(said, Said) else said if isinstance(said, bool) else None
        if switch is False:
            return None
        if not is_table(said) or is_reference(said):
            said = {} if switch else {"port": said}
        return read_options(said, known, place, self._environ)


def _takes_resource(registry: Any) -> bool:
    known = options_of(registry) if callable(registry) else Options({})
    return known.takes_any or "resource" in known.by_name


def _two_underscores(key: str, value: Any) -> str | None:
    """Give the variable that was meant, where the path of its key was written with one underscore."""
    if not isinstance(value, Said):
        return None
    section, _, rest = key.partition("_")
    return f"POLYMETER_{section}__{rest}".upper() if rest and section in KEYS else None

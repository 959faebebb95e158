"""``sources = "auto"``: a source for each library that is installed and has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from polymeter.configuration.said import Said
from polymeter.configuration.sections import Chosen
from polymeter.configuration.shapes import is_list, is_table
from polymeter.sources import discover

if TYPE_CHECKING:
    from polymeter.configuration.rooms import Room

__all__ = ["AUTO", "with_discovered"]

AUTO: Final = "auto"


def with_discovered(section: Any, room: Room) -> Any:
    """Give what a section says, with the sources that ``auto`` stands for in its place.

    What the section names itself it says itself: ``{auto = true, openai = false}`` is all but one.
    """
    if isinstance(section, Said):
        section = Chosen(section, {})
    if isinstance(section, Chosen):
        words = [each.strip() for each in section.names.split(",")]
        if AUTO not in map(str.lower, words):
            return section
        names = ",".join([*(each for each in words if each.lower() != AUTO), *_discovered(room)]) or "none"
        return Chosen(Said.by(names, section.names.origin), section.section)
    if section == AUTO:
        return dict.fromkeys(_discovered(room), True)
    if is_list(section) and AUTO in section:
        return [
            *(each for each in section if each != AUTO),
            *(each for each in _discovered(room) if each not in section),
        ]
    if is_table(section) and section.get(AUTO) is True:
        named = {name: table for name, table in section.items() if name != AUTO}
        return {**dict.fromkeys(_discovered(room), True), **named}
    return section


def _discovered(room: Room) -> list[str]:
    """Give the short names of the sources whose libraries are installed in a version that they support."""
    short = {of_class: name for name, of_class in room.names.items()}
    sources = dict.fromkeys(found.source for found in discover() if found.is_supported)
    return [short[source] for source in sources if source in short]

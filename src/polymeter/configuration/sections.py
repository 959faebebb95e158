"""A section that lists things: ``exporters = ["log"]``, or a table of tables; and what variables choose of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polymeter.configuration.said import Said, origin_of, yes_or_no
from polymeter.configuration.shapes import is_list, is_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polymeter.configuration.problems import Place

__all__ = ["Chosen", "parts_said"]


class Chosen:
    """What a variable chose of a section, beside what is said about each thing.

    :ivar names: the chosen ones.
    :ivar section: what the file, and the variables of single options, say.
    """

    def __init__(self, names: Said, section: Any) -> None:
        self.names = names
        self.section = section


def parts_said(section: Any, place: Place) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the name and the options of each thing that is wanted, noting what cannot be read."""
    if isinstance(section, Said):
        section = Chosen(section, {})
    if isinstance(section, Chosen):
        place = place.said_by(section.names.origin)
        words = [each.strip() for each in section.names.split(",") if each.strip()]
        chosen = [] if [word.lower() for word in words] == ["none"] else words
        tables = dict(_tables(section.section, place))
        yield from _chosen(chosen, tables, section.names.origin)
        for name, table in tables.items():
            if origin_of(table) and not any(_plain(name) == _plain(each) for each in chosen):
                here = place.at(name).said_by(str(origin_of(table)))
                here.problem(f"it is not among {section.names.origin}: {', '.join(chosen) or 'none'}")
    else:
        yield from _tables(section, place)


def _chosen(names: list[str], tables: dict[str, dict[str, Any]], origin: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in dict.fromkeys(names):
        key = next((each for each in tables if _plain(each) == _plain(name)), name)
        table = tables.get(key, {})
        if not table and ":" not in name:  # so that what is wrong with the name is said of the variable
            table = {"use": Said.by(name, origin)}
        yield key, table


def _tables(section: Any, place: Place) -> Iterator[tuple[str, dict[str, Any]]]:
    if is_list(section):
        if not all(isinstance(name, str) for name in section):
            place.problem("expected a list of names")
        section = {name: True for name in section if isinstance(name, str)}
    if not is_table(section):
        place.problem("expected a list of names, or a table for each")
        return
    for name, table in section.items():
        if table is True or (isinstance(table, Said) and yes_or_no(table)):
            yield name, {}
        elif table is False or (isinstance(table, Said) and yes_or_no(table) is False):
            continue
        elif is_table(table):
            yield name, table
        else:
            here = place.at(name)
            here = here.said_by(table.origin) if isinstance(table, Said) else here
            here.problem("expected a table of its options, or true")


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")

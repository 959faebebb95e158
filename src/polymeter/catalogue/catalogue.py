"""Catalogue: every metric that there is, and what it is called in each back end."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

from polymeter.catalogue.entry import CatalogueEntry
from polymeter.data.definition import MetricDefinition
from polymeter.data.tags import canonical_text
from polymeter.errors import MetricNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from polymeter.data.snapshot import Snapshot

__all__ = ["Catalogue"]

_OURS: Final = "polymeter."
_PROSE: Final = frozenset({"kind", "unit", "tags", "help"})
_NEW_WORD: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z])")


class Catalogue:
    """Every metric that was declared or recorded, by name; Polymeter's own (``polymeter.*``) come last.

    Iterating gives the entries; ``catalogue["inference.started"]`` gives one.
    """

    __slots__ = ("_entries",)

    def __init__(self, entries: Iterable[CatalogueEntry] = ()) -> None:
        ordered = sorted(entries, key=lambda entry: (entry.name.startswith(_OURS), entry.name))
        self._entries = MappingProxyType({entry.name: entry for entry in ordered})

    @classmethod
    def of(cls, snapshot: Snapshot, parts: Iterable[object] = ()) -> Catalogue:
        """Make one of what a registry knows.

        :param snapshot: its definitions are what was declared, its metrics what was recorded.
        :param parts: collectors, which declare the tags of what they measure, and exporters, which have
            ``names(definition)`` if their back end has names of its own.
        """
        definitions = dict(snapshot.definitions)
        tags: dict[str, dict[str, tuple[str, ...] | None]] = {}
        parts = list(parts)
        for definition, declared in _measured(parts):
            definitions.setdefault(definition.name, definition)
            tags.setdefault(definition.name, {}).update(dict.fromkeys(declared))
        for metric in snapshot:
            if metric.name not in definitions:  # a registry of the user's own make may know no definitions
                definitions[metric.name] = MetricDefinition(metric.name, metric.kind, unit=metric.unit.symbol or None)
            tags.setdefault(metric.name, {}).update(dict.fromkeys(metric.tags))
        back_ends = _back_ends(parts)
        return cls(_entry(each, tags.get(each.name, {}), back_ends) for each in definitions.values())

    def __iter__(self) -> Iterator[CatalogueEntry]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __getitem__(self, name: str) -> CatalogueEntry:
        """Give the entry of a metric.

        :raises MetricNotFoundError: if there is none; the message says what is near.
        """
        entry = self._entries.get(name)
        if entry is None:
            import difflib

            near = difflib.get_close_matches(name, self._entries, n=3, cutoff=0.5)
            hint = f"near: {', '.join(map(repr, near))}" if near else "nothing has a similar name"
            message = f"there is no metric {name!r} in the catalogue; {hint}"
            raise MetricNotFoundError(message)
        return entry

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Catalogue) and self._entries == other._entries

    __hash__ = None  # type: ignore[assignment]  # entries hold mappings

    @property
    def back_ends(self) -> list[str]:
        """The back ends that have names of their own."""
        return list(dict.fromkeys(back_end for entry in self for back_end in entry.names))

    def to_dict(self) -> dict[str, Any]:
        """Give everything as JSON can hold it: metric name -> the rest."""
        return {entry.name: {k: v for k, v in entry.to_dict().items() if k != "name"} for entry in self}

    def to_markdown(self) -> str:
        """Give a table for documents."""
        header, *rows = self._rows()
        names = [column for column, title in enumerate(header) if title not in _PROSE]
        for row in rows:
            for column in names:
                row[column] = ", ".join(f"`{name}`" for name in row[column].split(", ") if name)
        lines = [header, ["---"] * len(header), *rows]
        return "".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |\n" for line in lines)

    def __str__(self) -> str:
        rows = self._rows()
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
        return "\n".join(line.rstrip() for line in lines)

    def __repr__(self) -> str:
        return f"<Catalogue of {len(self)} metrics>"

    def _rows(self) -> list[list[str]]:
        """Give a header and a line for each metric."""
        back_ends = self.back_ends
        rows = [["metric", "kind", "unit", "tags", *back_ends, "help"]]
        for entry in self:
            tags = ", ".join(
                tag if domain is None else f"{tag} ({' '.join(domain)})" for tag, domain in entry.tags.items()
            )
            names = [", ".join(entry.names.get(back_end, ())) for back_end in back_ends]
            rows.append([_line(cell) for cell in (entry.name, entry.kind.value, entry.unit, tags, *names, entry.help)])
        return rows


def _back_end_of(exporter: object) -> str:
    """Give what the back end of an exporter is called: ``prometheus`` for a ``PrometheusExporter``."""
    name = type(exporter).__name__
    return _NEW_WORD.sub("_", name.removesuffix("Exporter") or name).lower()


def _entry(
    definition: MetricDefinition,
    tags: Mapping[str, tuple[str, ...] | None],
    back_ends: Mapping[str, Any],
) -> CatalogueEntry:
    domains = {
        tag: tuple(canonical_text(tag, value) for value in values) for tag, values in (definition.domains or {}).items()
    }
    return CatalogueEntry(
        name=definition.name,
        kind=definition.kind,
        unit=definition.resolved_unit.symbol,
        help=definition.help or "",
        tags=MappingProxyType({**tags, **domains}),
        names=MappingProxyType({back_end: tuple(names(definition)) for back_end, names in back_ends.items()}),
    )


def _as_several(found: object) -> list[Any]:
    return cast("list[Any]", found) if isinstance(found, tuple) else [found]


def _measured(parts: Iterable[object]) -> Iterator[tuple[MetricDefinition, list[str]]]:
    """Give the definition and the tags of what collectors declare as attributes of their classes."""
    for part in parts:
        for attribute in dict.fromkeys(name for each in reversed(type(part).__mro__) for name in vars(each)):
            found: Any = getattr(type(part), attribute, None)
            for said in _as_several(found):
                definition = getattr(said, "definition", None)
                if isinstance(definition, MetricDefinition):
                    yield definition, [tag for tag, _ in said.tags]


def _back_ends(parts: Iterable[object]) -> dict[str, Any]:
    """Give each back end with names of its own, and what gives them; the second of one kind gets a number."""
    found: dict[str, Any] = {}
    for part in parts:
        names = getattr(part, "names", None)
        if not callable(names) or not callable(getattr(part, "export", None)):
            continue
        name, number = _back_end_of(part), 1
        while name in found:
            number += 1
            name = f"{_back_end_of(part)}_{number}"
        found[name] = names
    return found


def _line(text: str) -> str:
    """Give a text as one line that moves no cursor."""
    text = " ".join(text.split())
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)

"""Imports point one way: the way that a fact travels.

Every import counts, also one inside a function and one that only a type checker sees. Each exception for type
checkers has a line in ``FOR_TYPES``.
"""

from __future__ import annotations

import ast
from typing import NamedTuple

import pytest

from tests.interpreter import SRC

PACKAGE = SRC / "polymeter"

GROUND = (
    "clock contracts counting deadline errors forking frames last_call lazily locks quarantine resource subscription"
)

MAY_IMPORT = {
    # The ground: knows no room.
    "clock": "",
    "contracts": "",
    "counting": "",
    "deadline": "clock",
    "errors": "",
    "forking": "",
    "frames": "",
    "last_call": "",
    "lazily": "",
    "locks": "",
    "quarantine": "clock",
    "resource": "",
    "subscription": "",
    # The values and their merge: pure.
    "data": "errors",
    # Tags of a context: of the host's work, not of any room.
    "context": "data errors",
    # The rooms, in the order in which a fact travels.
    "events": f"{GROUND}",
    "sources": f"{GROUND} events",
    "cost": f"{GROUND} events",
    "collectors": f"{GROUND} events data cost",
    "registries": f"{GROUND} data context",
    "exporters": f"{GROUND} data",
    "pump": f"{GROUND} data",
    # Beside the flow.
    "timing": f"{GROUND} events",
    "journal": f"{GROUND} events data",
    # What joins the rooms; only the two at the bottom and the front door may know it.
    "health": f"{GROUND} events registries pump",
    "catalogue": f"{GROUND} data",
    "configuration": f"{GROUND} data events sources collectors registries exporters pump",
    "metrics": f"{GROUND} data events collectors registries exporters pump health catalogue configuration",
    "__init__": f"{GROUND} data context events collectors registries exporters pump timing health catalogue metrics",
    "testing": f"{GROUND} data events sources collectors registries exporters pump timing journal metrics __init__",
    "cli": f"{GROUND} data events sources collectors registries exporters pump timing journal catalogue configuration"
    " metrics testing __init__",
}

FOR_TYPES = {
    # A contract is written in terms of what passes through it, an error carries what it is about.
    "contracts": "data subscription",
    "errors": "data",
    # Anyone may say which contract they fulfil.
    "*": "contracts",
}


class Import(NamedTuple):
    """One import of a part of Polymeter by another."""

    place: str
    importer: str
    imported: str
    for_types: bool

    @property
    def allowed(self):
        """Whether the tables above have it."""
        tables = [MAY_IMPORT.get(self.importer, "")]
        if self.for_types:
            tables += [FOR_TYPES.get(self.importer, ""), FOR_TYPES["*"]]
        return self.imported in " ".join(tables).split()


def part_of(path):
    """Give the room, or the module beside the rooms, that a file belongs to."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


PARTS = sorted({part_of(path) for path in PACKAGE.rglob("*.py")})


def imports_of(part):
    for path in sorted(PACKAGE.rglob("*.py")):
        if part_of(path) == part:
            yield from imports_in(ast.parse(path.read_text("utf-8")), path)


def imports_in(node, path, *, for_types=False):
    for child in ast.iter_child_nodes(node):
        for name in imported_names(child, path):
            imported = part_named(name)
            if imported not in {None, part_of(path)}:
                place = f"{path.relative_to(SRC.parent)}:{child.lineno}"
                yield Import(place, part_of(path), imported, for_types)
        types_only = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        yield from imports_in(child, path, for_types=for_types or types_only)


def imported_names(node, path):
    """Give the full dotted names that an import statement may mean."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = node.module or ""
    if node.level:  # the package that holds this file, or one above it
        package = path.relative_to(SRC).parent.parts
        base = ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])
    return [f"{base}.{alias.name}" for alias in node.names]


def part_named(name):
    """Give the part of Polymeter that a dotted name lies in; ``None`` for anybody else's."""
    package, _, rest = name.partition(".")
    if package != "polymeter":
        return None
    first = rest.partition(".")[0]
    return first if first in {*MAY_IMPORT, *PARTS} else "__init__"


@pytest.mark.parametrize("part", PARTS)
def test_imports_point_one_way(part):
    assert part in MAY_IMPORT, f"a new part of the tree: give {part!r} a line in MAY_IMPORT"
    wrong = [
        f"{found.place} imports {found.imported}; {part} may import: {MAY_IMPORT[part] or 'nothing'}"
        for found in imports_of(part)
        if not found.allowed
    ]
    assert wrong == []


def test_the_tables_themselves_have_no_circle():
    before = set()
    for part, allowed in MAY_IMPORT.items():
        assert set(allowed.split()) <= {*before, *GROUND.split()}, f"{part} looks ahead"
        before.add(part)


@pytest.mark.parametrize(
    ("statement", "parts"),
    [
        ("from polymeter.events import Event", ["events"]),
        ("from polymeter import data, Metrics", ["data", "__init__"]),
        ("import polymeter.data.tags", ["data"]),
        ("def later():\n    from ..data.tags import Tags", ["data"]),
        ("import json", []),
    ],
)
def test_every_way_to_write_an_import_is_seen(statement, parts):
    path = PACKAGE / "exporters" / "example.py"
    assert [found.imported for found in imports_in(ast.parse(statement), path)] == parts

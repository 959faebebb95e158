"""What changed between two manifests, and for whom that matters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polymeter.catalogue.entry import CatalogueEntry
    from polymeter.catalogue.manifest import Manifest

__all__ = ["Difference", "differences", "report"]

_ORDER: Final = {
    "removed": "removed",
    "renamed": "renamed in a back end",
    "changed": "changed",
    "allowed": "removed or changed, and allowed",
    "added": "added",
    "reworded": "reworded",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference.

    :ivar what: ``removed``, ``renamed`` (in a back end), ``changed``, ``added``, ``reworded``.
    :ivar metric: the metric's name.
    :ivar text: what is different about it.
    :ivar is_allowed: whether the manifest allows it.
    """

    what: str
    metric: str
    text: str
    is_allowed: bool = False

    @property
    def is_breaking(self) -> bool:
        """Whether what reads the metric may find nothing, or something else, from now on."""
        return self.what in {"removed", "renamed", "changed"} and not self.is_allowed


def differences(before: Manifest, now: Manifest) -> list[Difference]:
    """Give what changed from one manifest to the other; what the first allows is marked."""
    found: list[Difference] = []
    for name, old in sorted(before.metrics.items()):
        new = now.metrics.get(name)
        changes = [("removed", _described(old))] if new is None else _changes(old, new)
        found += [Difference(what, name, text, before.allows(name)) for what, text in changes]
    for name, new in sorted(now.metrics.items()):
        if name not in before.metrics:
            found.append(Difference("added", name, _described(new)))
    return found


def report(found: list[Difference]) -> str:
    """Write differences for humans, those that break something first."""
    sections: dict[str, list[str]] = {}
    for each in found:
        is_meant = each.is_allowed and each.what in {"removed", "renamed", "changed"}
        sections.setdefault("allowed" if is_meant else each.what, []).append(f"  {each.metric}: {each.text}")
    return "\n".join(line for what, title in _ORDER.items() if what in sections for line in (title, *sections[what]))


def _changes(old: CatalogueEntry, new: CatalogueEntry) -> Iterator[tuple[str, str]]:
    for back_end, names in sorted(old.names.items()):
        others = new.names.get(back_end, ())
        if set(names) - set(others):
            yield "renamed", f"{back_end}: {_listed(names)} -> {_listed(others)}"
        elif set(others) - set(names):
            yield "added", f"{back_end}: also {_listed(tuple(each for each in others if each not in names))}"
    for back_end, names in sorted(new.names.items()):
        if back_end not in old.names and names:
            yield "added", f"{back_end}: {_listed(names)}"
    if old.kind is not new.kind:
        yield "changed", f"kind {old.kind} -> {new.kind}"
    if old.unit != new.unit:
        yield "changed", f"unit {old.unit or 'none'} -> {new.unit or 'none'}"
    yield from _changes_of_tags(old, new)
    if old.help != new.help:
        yield "reworded", f"{old.help!r} -> {new.help!r}"


def _changes_of_tags(old: CatalogueEntry, new: CatalogueEntry) -> Iterator[tuple[str, str]]:
    gone = [f"-{tag}" for tag in old.tags if tag not in new.tags]
    come = [f"+{tag}" for tag in new.tags if tag not in old.tags]
    if gone or come:
        yield "changed", f"tags {' '.join([*gone, *come])}"
    for tag in sorted(old.tags.keys() & new.tags.keys()):
        before, after = old.tags[tag], new.tags[tag]
        if before is not None and after is not None and set(before) - set(after):
            yield "changed", f"values of tag {tag}: {_listed(before)} -> {_listed(after)}"
        elif before != after:
            yield "reworded", f"values of tag {tag}: {_domain(before)} -> {_domain(after)}"


def _described(entry: CatalogueEntry) -> str:
    names = [f"{back_end}: {_listed(names)}" for back_end, names in sorted(entry.names.items()) if names]
    return ", ".join([str(entry.kind), *([entry.unit] if entry.unit else []), *names])


def _listed(names: tuple[str, ...]) -> str:
    return " ".join(names) or "nothing"


def _domain(values: tuple[str, ...] | None) -> str:
    return "any" if values is None else _listed(values)

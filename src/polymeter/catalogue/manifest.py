"""Manifest: what there is, in a file that is kept beside the code, so that a change of it is seen."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

from polymeter.catalogue.entry import CatalogueEntry
from polymeter.data.kind import Kind
from polymeter.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from polymeter.catalogue.catalogue import Catalogue

__all__ = ["Manifest"]

_VERSION: Final = 1
_OURS: Final = "polymeter."


@dataclass(frozen=True)
class Manifest:
    """The metrics that somebody may rely on.

    :ivar metrics: name -> what was known about it. Polymeter's own have no tags here: theirs tell what happened.
    :ivar allow: names of metrics that may go or change; one that ends in ``*`` stands for all that begin so.
    """

    metrics: Mapping[str, CatalogueEntry] = field(default_factory=dict[str, CatalogueEntry])
    allow: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "metrics", MappingProxyType(dict(self.metrics)))

    @classmethod
    def of(cls, catalogue: Catalogue, allow: Iterable[str] = ()) -> Manifest:
        """Make the manifest of what there is now."""
        return cls({entry.name: _kept(entry) for entry in catalogue}, tuple(allow))

    @classmethod
    def from_text(cls, text: str, origin: str = "the manifest") -> Manifest:
        """Read what :meth:`to_text` wrote.

        :param origin: what to call it in messages.
        :raises DefinitionError: if it is something else.
        """
        try:
            document: Any = json.loads(text)
        except (ValueError, RecursionError) as error:
            message = f"{origin} is not JSON: {error}"
            raise DefinitionError(message) from None
        if not isinstance(document, dict) or "polymeter_manifest" not in document:
            message = f"{origin} is no manifest: write one with 'polymeter manifest'"
            raise DefinitionError(message)
        table = cast("dict[str, Any]", document)
        if table["polymeter_manifest"] != _VERSION:
            message = f"{origin} is of version {table['polymeter_manifest']!r}; this Polymeter knows {_VERSION}"
            raise DefinitionError(message)
        try:
            metrics = {name: _entry(name, said) for name, said in table["metrics"].items()}
            allow = tuple(_texts(table.get("allow", [])))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            message = f"{origin} has been damaged: {type(error).__name__}: {error}"
            raise DefinitionError(message) from None
        return cls(metrics, allow)

    def to_text(self) -> str:
        """Write it as JSON, in an order that depends on nothing but what is in it."""
        metrics: dict[str, Any] = {}
        for name, entry in sorted(self.metrics.items()):
            metrics[name] = {key: value for key, value in entry.to_dict().items() if key != "name"}
            metrics[name]["tags"] = dict(sorted(metrics[name]["tags"].items()))
            metrics[name]["names"] = dict(sorted(metrics[name]["names"].items()))
        document = {"polymeter_manifest": _VERSION, "allow": list(self.allow), "metrics": metrics}
        return json.dumps(document, indent=2, ensure_ascii=True) + "\n"

    def allows(self, name: str) -> bool:
        """Tell whether a metric may go or change."""
        return any(name.startswith(each[:-1]) if each.endswith("*") else name == each for each in self.allow)


def _kept(entry: CatalogueEntry) -> CatalogueEntry:
    tags = dict(entry.tags) if not entry.name.startswith(_OURS) else dict[str, "tuple[str, ...] | None"]()
    return CatalogueEntry(entry.name, entry.kind, entry.unit, entry.help, tags, dict(entry.names))


def _entry(name: str, said: dict[str, Any]) -> CatalogueEntry:
    said_tags: dict[str, Any] = said["tags"]
    said_names: dict[str, Any] = said["names"]
    tags = {tag: None if domain is None else tuple(_texts(domain)) for tag, domain in said_tags.items()}
    names = {back_end: tuple(_texts(names)) for back_end, names in said_names.items()}
    unit, text = _texts([said["unit"], said["help"]])
    return CatalogueEntry(name, Kind(said["kind"]), unit, text, tags, names)


def _texts(values: Any) -> list[str]:
    if isinstance(values, str) or not all(isinstance(each, str) for each in values):
        message = f"expected a list of texts, not {values!r}"
        raise ValueError(message)
    return list(values)

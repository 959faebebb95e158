"""Exemplars of compiled collectors: what an event says of where its values came from.

Nothing of this is in a listener whose measures declare none. Where one does, its listener ends with::

    x0 = None
    l0 = event.trace_id
    if l0 is not None:
        x0 = {n0: l0}
    if x0 is not None:
        if v1 is not None:
            note0_1(event, key, v1, x0)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from polymeter.collectors.paths import check_source, getter
from polymeter.data.metric import is_name
from polymeter.errors import DefinitionError

if TYPE_CHECKING:
    from polymeter.collectors.paths import Getter, Source
    from polymeter.contracts import CanKeepExemplars
    from polymeter.data.definition import MetricDefinition
    from polymeter.data.layout import RowLayout

__all__ = ["ExemplarSource", "Origin", "note_into", "origin_of", "reading_of"]

ExemplarSource: TypeAlias = "str | Mapping[str, str | Callable[[Any], Any]] | Callable[[Any], Any]"
"""A field path, label name -> field path or callable, or a callable that takes the event and gives labels or None."""

Origin: TypeAlias = "tuple[tuple[str, Source], ...] | Getter"
"""The same as it is kept: label names with their sources, or what gives the labels."""


def origin_of(source: ExemplarSource | None, event_type: type, what: str) -> Origin | None:
    """Check where exemplars come from.

    :param what: what is declared, for the error.
    :raises DefinitionError: for a field that the event does not have, or what is neither of the three.
    """
    if source is None or callable(source):
        return source
    if isinstance(source, str):
        check_source(source, event_type, what)
        return ((source.rpartition(".")[2], source),)
    if not _has_labels(source):
        message = (
            f"{what}: exemplar={source!r} is not where exemplars come from: use a field path, "
            "{label: field path} or a callable that takes the event and gives labels"
        )
        raise DefinitionError(message)
    for each in source.values():
        check_source(each, event_type, what)
    return tuple(source.items())


def _has_labels(source: object) -> bool:
    if not isinstance(source, Mapping):
        return False
    labels: list[object] = [*source]
    return bool(labels) and all(map(is_name, labels))


def reading_of(origin: Origin, target: str, names: dict[str, Any]) -> list[str]:
    """Give the lines that read the labels, ``None`` if one of them is; what they refer to goes into ``names``."""
    if callable(origin):
        names[f"labels_{target}"] = origin
        return [f"{target} = labels_{target}(event)"]
    lines = [f"{target} = None"]
    indent = ""
    pairs: list[str] = []
    for number, (label, source) in enumerate(origin):
        names[f"n{number}_{target}"] = label
        expression = f"event.{source}"
        if not isinstance(source, str) or "." in source:
            names[f"l{number}_{target}"] = getter(source)
            expression = f"l{number}_{target}(event)"
        lines += [f"{indent}l{number} = {expression}", f"{indent}if l{number} is not None:"]
        indent += "    "
        pairs.append(f"n{number}_{target}: l{number}")
    return [*lines, f"{indent}{target} = {{{', '.join(pairs)}}}"]


def note_into(
    registry: CanKeepExemplars, definition: MetricDefinition, layout: RowLayout, refuse: Callable[[str, str], object]
) -> Callable[[Any, Any, float, Any], None]:
    """Give what takes an event, the key of its row, a value and its labels; it never raises.

    :param refuse: counts an exemplar of a metric that could not be used, for a reason.
    """
    kind, name = definition.kind, definition.name

    def note(event: Any, key: Any, value: float, labels: Any) -> None:
        try:
            registry.exemplar(kind, name, value, labels, layout.tags_of(key), at=getattr(event, "at", None))
        except Exception:  # noqa: BLE001 - an event without a readable time, or a registry that breaks its contract
            refuse(name, "error")

    return note

"""What was asked for, checked, with what the environment says where nothing was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from polymeter.data.kind import Kind
from polymeter.data.tags import Tags
from polymeter.errors import DefinitionError, InvalidTagsError
from polymeter.exporters.statsd.addresses import Address, address_of
from polymeter.exporters.statsd.dialects import DIALECTS
from polymeter.exporters.statsd.environment import CARDINALITIES, Environment
from polymeter.exporters.statsd.naming import tag_of
from polymeter.exporters.statsd.origin import container_field

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from polymeter.data.tags import TagsLike
    from polymeter.exporters.statsd.dialects import Dialect, Pairs, Type

__all__ = ["Cardinality", "Origin", "checked_dialect", "checked_limit", "checked_types", "constant_tags", "origin_of"]

Cardinality: TypeAlias = Literal["none", "low", "orchestrator", "high"]

_LEAST: Final = 64
"""Bytes: a packet that is smaller could hold next to nothing."""
_MOST: Final = 65_507
"""Bytes: IPv4 carries no larger datagram."""


class Origin(NamedTuple):
    """The fields by which an agent finds out where a line comes from."""

    container: str
    external: str
    cardinality: str

    @property
    def of_metrics(self) -> str:
        """What ends the line of a metric."""
        external = f"|e:{self.external}" if self.external else ""
        return self.container_field + external + self.cardinality_field

    @property
    def of_messages(self) -> str:
        """What ends an event and a service check, which have no external data."""
        return self.container_field + self.cardinality_field

    @property
    def container_field(self) -> str:
        """The container, if it is known."""
        return f"|c:{self.container}" if self.container else ""

    @property
    def cardinality_field(self) -> str:
        """What the agent is asked to add, if it is asked."""
        return f"|card:{self.cardinality}" if self.cardinality else ""


def checked_dialect(name: str) -> Dialect:
    """Give a dialect.

    :raises DefinitionError: if there is none of this name.
    """
    if name in DIALECTS:
        return DIALECTS[name]
    message = f"there is no StatsD dialect {name!r}: use one of {', '.join(map(repr, DIALECTS))}"
    raise DefinitionError(message)


def checked_address(said: str | os.PathLike[str] | None, environment: Environment) -> Address:
    """Give where to send to.

    :raises DefinitionError: if there can be no such address.
    """
    return environment.address() if said is None else address_of(said)


def checked_types(dialect: Dialect, timers: Type | None, histograms: Type | None) -> dict[Kind, Type]:
    """Give what timers and histograms are.

    :raises DefinitionError: for another type.
    """
    types: dict[Kind, Type] = {Kind.TIMER: timers or "ms", Kind.HISTOGRAM: histograms or dialect.histograms}
    for said in types.values():
        if said not in {"ms", "h", "d"}:
            message = f"StatsD has no type {said!r} for observations: use 'ms', 'h' or 'd'"
            raise DefinitionError(message)
    return types


def checked_limit(said: int | None, address: Address, environment: Environment) -> int:
    """Give the bytes that a packet may have.

    :raises DefinitionError: for a number that makes no sense.
    """
    from_environment = environment.packet if address.scheme == "udp" else None
    limit = address.packet if said is None and from_environment is None else said or from_environment or 0
    if not _LEAST <= limit <= _MOST:
        message = f"a packet of {limit!r} bytes cannot be: give {_LEAST} to {_MOST}, such as 512, 1432 or 8192"
        raise DefinitionError(message)
    return limit


def constant_tags(tags: TagsLike | None, environment: Environment) -> Pairs:
    """Give the tags of everything: those that were asked for, then those of the environment.

    :raises DefinitionError: for what are no tags.
    """
    try:
        own = Tags.of(tags)
    except InvalidTagsError as error:
        message = f"constant tags of StatsD: {error}"
        raise DefinitionError(message) from None
    texts: Mapping[str, str] = dict(own.canonical)
    said = tuple((key, texts[key]) for key in own if texts.get(key))
    return said + tuple(pair for pair in environment.tags() if pair[0] not in texts)


def origin_of(
    container_id: str | None, cardinality: Cardinality | None, environment: Environment, *, is_detected: bool
) -> Origin:
    """Give the origin, which the agent trusts: so nothing that ends a field is in it.

    An id that was given is taken; else, if it is to be detected, that of the container that this runs in.

    :raises DefinitionError: for a cardinality that there is not, or an id that cannot be one.
    """
    if cardinality is not None and cardinality not in CARDINALITIES:
        message = f"cardinality={cardinality!r}: use one of {', '.join(sorted(CARDINALITIES))}"
        raise DefinitionError(message)
    if not environment.is_datadog:
        return Origin("", "", "")
    container = container_id or (container_field() if is_detected and environment.detects_origin else "")
    external = environment.external_data or ""
    for text in (container, external):
        if any(sign in text for sign in "|\n") or not text.isprintable():
            message = f"{text!r} cannot be said of the origin of metrics: it has a sign that ends a field"
            raise DefinitionError(message)
    return Origin(container, external, cardinality or environment.cardinality or "")


UNIFIED: Final[Mapping[str, str]] = {
    "service.name": "service",
    "service.version": "version",
    "deployment.environment": "env",
    "deployment.environment.name": "env",
}
"""Tags of a resource -> the tags by which Datadog knows the same."""


def resource_pairs(resource: Tags, wanted: frozenset[str], dialect: Dialect) -> Pairs:
    """Give those tags of a resource that are to be on everything."""
    shown = [(key, text) for key, text in resource.canonical if key in wanted and text]
    return tuple((UNIFIED.get(key, key) if dialect.is_datadog else key, text) for key, text in shown)


def tail_of(pairs: Pairs) -> str:
    """Give tags as an event and a service check have them."""
    return "|#" + ",".join(tag_of(key, text) for key, text in pairs) if pairs else ""

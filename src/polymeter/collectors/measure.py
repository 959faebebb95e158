"""measure: metrics declared as class attributes, without code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from polymeter.collectors.exemplars import ExemplarSource, Origin, origin_of
from polymeter.collectors.paths import Source, check_source, getter
from polymeter.collectors.states import STATE, always, always_one, checked_states, is_in
from polymeter.data.definition import MetricDefinition
from polymeter.data.kind import Kind
from polymeter.errors import DefinitionError

if TYPE_CHECKING:
    from enum import Enum

    from polymeter.data.definition import Combine
    from polymeter.data.tags import TagValue

__all__ = ["Measure", "Measures", "TagSources", "measure"]

EventT = TypeVar("EventT")

TagSources: TypeAlias = "Iterable[str] | Mapping[str, str | Callable[[Any], Any]]"
"""Fields that are tags under their own name, or tag name -> field path or callable."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One declared metric: what is measured, when, and by which dimensions."""

    definition: MetricDefinition
    event_type: type
    value: Source | None
    tags: tuple[tuple[str, Source], ...]
    when: Callable[[Any], object] | None
    exemplar: Origin | None = None


class Measures(tuple[Measure, ...]):
    """Several metrics that are declared as one."""

    __slots__ = ()


class _Declarations:
    """The verbs of :data:`measure`.

    All of them take:

    * ``name``: the metric's name;
    * ``on``: the event class;
    * ``value``: a field path (``"usage.input_tokens"``) or a callable that takes the event; ``None`` is not recorded;
    * ``tags``: field paths, or a mapping of tag name -> field path or callable; a ``None`` reads ``unknown``, and a
      callable that gives ``ABSENT`` leaves the tag out;
    * ``when``: a callable that takes the event and says whether to record;
    * ``exemplar``, of counters, histograms and timers: where the value came from. A field path (``"trace_id"``), a
      mapping of label name -> field path or callable, or a callable that takes the event and gives such labels. A
      ``None`` among them, or instead of them, means that there is no exemplar;
    * ``unit``, ``help``, ``combine``, ``buckets``, ``domains``, ``expire_after``, ``budget``, ``keep``: see
      :meth:`~polymeter.contracts.CanStoreMetrics.define`.

    :raises DefinitionError: when the class is made, for a field that the event does not have, or a definition that
        cannot work.
    """

    __slots__ = ()

    def counter(
        self,
        name: str,
        *,
        on: type[EventT],
        value: str | Callable[[EventT], float | None] | None = None,
        tags: TagSources = (),
        when: Callable[[EventT], object] | None = None,
        exemplar: str | Mapping[str, str | Callable[[EventT], Any]] | Callable[[EventT], Any] | None = None,
        unit: str | None = None,
        help: str | None = None,
        domains: Mapping[str, Iterable[TagValue]] | None = None,
        expire_after: float | None = None,
        budget: int | None = None,
    ) -> Measure:
        """Count events, or add up a value of theirs."""
        return _measured(
            Kind.COUNTER,
            name,
            on,
            value,
            tags,
            when,
            exemplar,
            unit=unit,
            help=help,
            domains=domains,
            expire_after=expire_after,
            budget=budget,
        )

    def up_down(
        self,
        name: str,
        *,
        on: type[EventT],
        value: str | Callable[[EventT], float | None],
        tags: TagSources = (),
        when: Callable[[EventT], object] | None = None,
        unit: str | None = None,
        help: str | None = None,
        domains: Mapping[str, Iterable[TagValue]] | None = None,
        expire_after: float | None = None,
        budget: int | None = None,
        keep: bool | None = None,
    ) -> Measure:
        """Move a level up and down."""
        return _measured(
            Kind.UP_DOWN,
            name,
            on,
            value,
            tags,
            when,
            None,
            unit=unit,
            help=help,
            domains=domains,
            expire_after=expire_after,
            budget=budget,
            keep=keep,
        )

    def gauge(
        self,
        name: str,
        *,
        on: type[EventT],
        value: str | Callable[[EventT], float | None],
        tags: TagSources = (),
        when: Callable[[EventT], object] | None = None,
        unit: str | None = None,
        help: str | None = None,
        combine: Combine | str | None = None,
        domains: Mapping[str, Iterable[TagValue]] | None = None,
        expire_after: float | None = None,
        budget: int | None = None,
        keep: bool | None = None,
    ) -> Measure:
        """Keep the last value."""
        return _measured(
            Kind.GAUGE,
            name,
            on,
            value,
            tags,
            when,
            None,
            unit=unit,
            help=help,
            combine=combine,
            domains=domains,
            expire_after=expire_after,
            budget=budget,
            keep=keep,
        )

    def info(
        self,
        name: str,
        *,
        on: type[EventT],
        tags: TagSources,
        when: Callable[[EventT], object] | None = None,
        help: str | None = None,
        expire_after: float | None = None,
        budget: int | None = None,
        keep: bool | None = None,
    ) -> Measure:
        """Say something in words: a gauge that is always 1, and what is said in its tags. End its name in ``info``.

        What is said stays beside what is said later, unless ``expire_after`` ends it.
        """
        return self.gauge(
            name,
            on=on,
            value=always_one,
            tags=tags,
            when=when,
            help=help,
            expire_after=expire_after,
            budget=budget,
            keep=keep,
        )

    def states(
        self,
        name: str,
        *,
        on: type[EventT],
        state: str | Callable[[EventT], object],
        states: Iterable[str | Enum],
        tags: TagSources = (),
        when: Callable[[EventT], object] | None = None,
        help: str | None = None,
        combine: Combine | str | None = None,
        expire_after: float | None = None,
        budget: int | None = None,
        keep: bool | None = None,
    ) -> Measures:
        """Say which of some states something is in: a gauge for each state, with the tag ``state``; 1 if it is, else 0.

        :param state: the state: one of ``states``; for any other one all of them are 0, and for ``None`` nothing is
            recorded.
        :param states: texts, or the members of an enum of texts, which may be given by its class.
        :param combine: over processes; ``sum`` counts how many of them are in a state.
        """
        known = checked_states(name, states)
        check_source(state, on, f"measure.states({name!r})")
        read = getter(state)
        return Measures(
            self.gauge(
                name,
                on=on,
                value=is_in(each, read),
                tags={**_sources_of(tags, f"measure.states({name!r})"), STATE: always(each)},
                when=when,
                help=help,
                combine=combine,
                expire_after=expire_after,
                budget=budget,
                keep=keep,
            )
            for each in known
        )

    def histogram(
        self,
        name: str,
        *,
        on: type[EventT],
        value: str | Callable[[EventT], float | None],
        tags: TagSources = (),
        when: Callable[[EventT], object] | None = None,
        exemplar: str | Mapping[str, str | Callable[[EventT], Any]] | Callable[[EventT], Any] | None = None,
        unit: str | None = None,
        help: str | None = None,
        buckets: Iterable[float] | None = None,
        domains: Mapping[str, Iterable[TagValue]] | None = None,
        expire_after: float | None = None,
        budget: int | None = None,
    ) -> Measure:
        """Keep the distribution of a value."""
        return _measured(
            Kind.HISTOGRAM,
            name,
            on,
            value,
            tags,
            when,
            exemplar,
            unit=unit,
            help=help,
            buckets=buckets,
            domains=domains,
            expire_after=expire_after,
            budget=budget,
        )

    def timer(
        self,
        name: str,
        *,
        on: type[EventT],
        value: str | Callable[[EventT], float | None],
        tags: TagSources = (),
        when: Callable[[EventT], object] | None = None,
        exemplar: str | Mapping[str, str | Callable[[EventT], Any]] | Callable[[EventT], Any] | None = None,
        unit: str | None = None,
        help: str | None = None,
        buckets: Iterable[float] | None = None,
        domains: Mapping[str, Iterable[TagValue]] | None = None,
        expire_after: float | None = None,
        budget: int | None = None,
    ) -> Measure:
        """Keep the distribution of a duration: milliseconds, unless name or ``unit`` say otherwise."""
        return _measured(
            Kind.TIMER,
            name,
            on,
            value,
            tags,
            when,
            exemplar,
            unit=unit,
            help=help,
            buckets=buckets,
            domains=domains,
            expire_after=expire_after,
            budget=budget,
        )


measure: Final = _Declarations()
"""Declares metrics: ``turns = measure.counter("chat.turns", on=TurnFinished, tags=("model",))``."""


def _measured(  # noqa: PLR0917 - the verbs above say them in this order
    kind: Kind,
    name: str,
    on: type,
    value: str | Callable[[Any], float | None] | None,
    tags: TagSources,
    when: Callable[[Any], object] | None,
    exemplar: ExemplarSource | None,
    **definition: Any,
) -> Measure:
    what = f"measure.{kind}({name!r})"
    _check_class(on, what)
    if when is not None and not callable(when):
        message = f"{what}: when={when!r} is not callable; it takes the event, as in when=lambda event: event.ok"
        raise DefinitionError(message)
    sources = _sources_of(tags, what)
    for source in (*sources.values(), *(() if value is None else (value,))):
        check_source(source, on, what)
    return Measure(
        definition=MetricDefinition.of(name, kind, **definition),
        event_type=on,
        value=value,
        tags=tuple(sources.items()),
        when=when,
        exemplar=origin_of(exemplar, on, what),
    )


def _sources_of(tags: TagSources, what: str) -> dict[str, Source]:
    """Give tag name -> where it comes from."""
    if isinstance(tags, str):
        message = f"{what}: tags={tags!r} is one str; for one tag write tags=({tags!r},)"
        raise DefinitionError(message)
    sources: dict[str, Source] = {}
    for tag in tags:
        sources[tag] = tags[tag] if isinstance(tags, Mapping) else tag
    return sources


def _check_class(on: object, what: str) -> None:
    if not isinstance(on, type):
        message = f"{what}: on={on!r} is not an event class"
        raise DefinitionError(message)

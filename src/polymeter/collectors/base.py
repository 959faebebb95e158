"""MetricsCollector: the base of every collector, and three ways to write one."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from polymeter.collectors.compiled import compiled
from polymeter.collectors.measure import Measure, Measures
from polymeter.collectors.states import set_info, set_state
from polymeter.contracts import CanKeepExemplars, CanKeepTime
from polymeter.errors import DefinitionError
from polymeter.events.listener import checked_listener
from polymeter.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from polymeter.collectors.exemplars import Origin
    from polymeter.contracts import CanDispatchEvents, CanStoreMetrics
    from polymeter.data.kind import Kind
    from polymeter.data.tags import TagsLike

__all__ = ["MetricsCollector", "on"]

SelfT = TypeVar("SelfT")
EventT = TypeVar("EventT")

_MARK = "__polymeter_on__"


def on(
    event_type: type[EventT], priority: int = 0
) -> Callable[[Callable[[SelfT, EventT], None]], Callable[[SelfT, EventT], None]]:
    """Have a method of a collector called with each event of ``event_type``. May be stacked.

    :param priority: higher is called earlier.
    """

    def mark(method: Callable[[SelfT, EventT], None]) -> Callable[[SelfT, EventT], None]:
        function = getattr(method, "__func__", method)  # inside a static or a class method: those two do not pass it on
        setattr(function, _MARK, (*getattr(function, _MARK, ()), (event_type, priority)))
        return method

    return mark


class MetricsCollector:
    """Listens to events and decides what they mean as metrics.

    From least to most code: declare metrics as class attributes with :data:`~polymeter.collectors.measure.measure`,
    decorate methods with :func:`on`, or override :meth:`listeners`. The three mix.

    (In Prometheus clients a "collector" is something that is scraped; here it listens.)
    """

    __measures: ClassVar[tuple[Measure, ...]] = ()
    __handlers: ClassVar[tuple[tuple[str, type, int], ...]] = ()
    __registry: CanStoreMetrics | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # By name, the base's first: overriding an attribute overrides the declaration.
        names = [name for each in reversed(cls.__mro__) for name in vars(each)]
        attributes = {name: getattr(cls, name, None) for name in names}
        cls.__measures = tuple(measure for each in attributes.values() for measure in _declared(each))
        cls.__handlers = tuple(
            (name, event_type, priority)
            for name, each in attributes.items()
            for event_type, priority in getattr(each, _MARK, ())
        )

    def listeners(self) -> Mapping[type, Callable[[Any], None]]:
        """Give event class -> what is called with each event of it; for listeners known only at run time."""
        return {}

    def register(self, events: CanDispatchEvents, registry: CanStoreMetrics) -> Subscription:
        """Begin to record into ``registry`` what is heard from ``events``.

        :raises DefinitionConflictError: if ``registry`` knows one of the names as something else.
        :raises DefinitionError: if this collector is registered already.
        :raises ListenerError: for a handler that cannot be called with one event.
        """
        if self.__registry is not None:
            message = f"this {type(self).__name__} is registered already: make another one, or remove it first"
            raise DefinitionError(message)
        for measure in self.__measures:
            said = measure.definition
            registry.define(
                said.name,
                said.kind,
                said.unit,
                said.help,
                combine=said.combine,
                buckets=said.buckets,
                domains=said.domains,
                expire_after=said.expire_after,
                budget=said.budget,
                **({} if said.keep is None else {"keep": said.keep}),
            )
        owner = f"{type(self).__module__}.{type(self).__qualname__}"
        added: list[Subscription] = []
        self.__registry = registry  # known before the first event comes, and to `listeners`
        try:
            measures = [replace(each, exemplar=self._origin_of(each)) for each in self.__measures]
            for event_type, listener in compiled(measures, registry, owner).items():
                added.append(events.add_listener(event_type, listener))
            for name, event_type, priority in self.__handlers:
                handler = _placed(getattr(self, name), event_type, registry)
                added.append(events.add_listener(event_type, handler, priority))
            for event_type, listener in self.listeners().items():
                added.append(events.add_listener(event_type, _placed(listener, event_type, registry)))
        except BaseException:
            Subscription.of_all(added).cancel()
            self.__registry = None
            raise

        def unregister() -> None:
            Subscription.of_all(added).cancel()
            self.__registry = None

        return Subscription(unregister)

    def _origin_of(self, measure: Measure) -> Origin | None:
        """Say where the exemplars of a declared metric come from."""
        return measure.exemplar

    @property
    def registry(self) -> CanStoreMetrics:
        """The registry that is recorded into.

        :raises DefinitionError: before the collector is registered.
        """
        if self.__registry is None:
            message = f"this {type(self).__name__} is not registered: metrics.collect(...) it first"
            raise DefinitionError(message)
        return self.__registry

    def counter(self, name: str, tags: TagsLike | None = None, increment: float = 1) -> Any:
        """Add to a counter; gives the metric that was touched."""
        return self.registry.counter(name, tags, increment)

    def up_down(self, name: str, by: float, tags: TagsLike | None = None) -> Any:
        """Move a level; gives the metric that was touched."""
        return self.registry.up_down(name, by, tags)

    def gauge(self, name: str, value: float, tags: TagsLike | None = None) -> Any:
        """Set a gauge; gives the metric that was touched."""
        return self.registry.gauge(name, value, tags)

    def info(self, name: str, tags: TagsLike) -> Any:
        """Say something in words, in ``tags``: a gauge that is always 1; gives the metric that was touched."""
        return set_info(self.registry, name, tags)

    def states(self, name: str, state: object, states: Iterable[object], tags: TagsLike | None = None) -> list[Any]:
        """Say which of ``states`` something is in: a gauge for each, 1 or 0; gives the metrics that were touched.

        :raises DefinitionError: unless ``states`` are two or more texts, or members of an enum of texts.
        """
        return set_state(self.registry, name, state, states, tags)

    def histogram(self, name: str, value: float, tags: TagsLike | None = None) -> Any:
        """Add one observation; gives the metric that was touched."""
        return self.registry.histogram(name, value, tags)

    def timer(self, name: str, value: float, tags: TagsLike | None = None) -> Any:
        """Add one duration, in milliseconds unless name or definition say otherwise; gives the metric touched."""
        return self.registry.timer(name, value, tags)

    def exemplar(
        self, kind: Kind | str, name: str, value: float, labels: TagsLike | None, tags: TagsLike | None = None
    ) -> None:
        """Note where a value came from that was recorded under ``name`` and ``tags``: ``{"trace_id": ...}``.

        It records nothing itself. Nothing is noted without labels, with one that is ``None``, and in a registry that
        keeps no exemplars.
        """
        if labels and isinstance(self.registry, CanKeepExemplars):
            self.registry.exemplar(kind, name, value, labels, tags)


def _declared(attribute: Any) -> tuple[Measure, ...]:
    """Give the metrics that one attribute of a class declares."""
    if isinstance(attribute, Measures):
        return attribute
    return (attribute,) if isinstance(attribute, Measure) else ()


def _placed(handler: Callable[[Any], object], event_type: type, registry: CanStoreMetrics) -> Callable[[Any], object]:
    """Have what ``handler`` records be of the time of its event, where the registry keeps time."""
    if not isinstance(registry, CanKeepTime):
        return handler
    checked_listener(handler, event_type)
    placing = registry.placing

    @functools.wraps(handler)
    def listen(event: Any) -> None:
        with placing(getattr(event, "at", None)):
            handler(event)

    return listen

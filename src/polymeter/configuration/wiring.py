"""From a configuration to a facade at work."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from polymeter.configuration.part import explained
from polymeter.configuration.serving import Served
from polymeter.errors import DefinitionConflictError, DefinitionError, PolymeterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from polymeter.configuration.configured import Configuration
    from polymeter.configuration.part import Part

__all__ = ["wired"]

MetricsT = TypeVar("MetricsT")


def wired(configuration: Configuration, make: Callable[..., MetricsT], *, is_passive: bool = False) -> MetricsT:
    """Make everything that a configuration asks for, then wire it.

    Everything is made before anything is wired, and if something cannot be wired, what was is undone.

    :param make: the facade's class.
    :param is_passive: leave out all that acts by itself: sources, servers and triggers.
    :raises DefinitionError: if something does not take its options, or cannot work here.
    :raises MissingExtraError: if something needs a library that is absent.
    """
    if configuration.is_disabled:
        return make()
    errors: list[PolymeterError] = []
    resource = {"resource": configuration.resource} if configuration.resource else {}
    registry = _made([configuration.registry], errors, **resource)
    exporters = _made(configuration.exporters, errors)
    collectors = _made(configuration.collectors, errors)
    sources = _made(() if is_passive else configuration.sources, errors)
    _raise(errors)
    metrics: Any = make(registry=registry[0][1])
    if close := getattr(registry[0][1], "close", None):
        metrics.on_close(close)
    wiring = _Wiring(metrics)
    try:
        for part, exporter in exporters:
            wiring.add(partial(metrics.export_to, **part.wiring), exporter, part)
            if part.serve is not None and not is_passive:
                wiring.add(metrics.watch, Served(exporter, part.serve), part)
        for part, collector in collectors:
            wiring.add(metrics.collect, collector, part)
        for part, source in sources:  # last, when there is somebody to listen
            wiring.add(metrics.watch, source, part)
        if not is_passive:
            has_exporters = bool(exporters)
            place = ": ".join([*configuration.origins[:1], "triggers"])
            wiring.do(partial(configuration.triggers.pull, metrics, has_exporters=has_exporters), place, {})
    except BaseException:
        wiring.undo()
        raise
    return metrics  # type: ignore[no-any-return]  # what `make` gives


def _made(parts: Iterable[Part], errors: list[PolymeterError], **more: Any) -> list[tuple[Part, Any]]:
    made: list[tuple[Part, Any]] = []
    for part in parts:
        try:
            made.append((part, part.make(**more)))
        except PolymeterError as error:
            errors.append(error)
    return made


def _raise(errors: list[PolymeterError]) -> None:
    """Raise all that went wrong as one."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        message = "\n  ".join([f"{len(errors)} problems:", *map(str, errors)])
        raise DefinitionError(message)


class _Wiring:
    """What has been wired so far."""

    def __init__(self, metrics: Any) -> None:
        self._metrics = metrics
        self._added: list[Any] = []

    def add(self, verb: Callable[[Any], object], thing: Any, part: Part) -> None:
        """Add one thing."""
        self._added.append(thing)
        self.do(partial(verb, thing), part.place, {**part.options, **(part.serve or {})})

    def do(self, act: Callable[[], object], place: str, options: Any) -> None:
        """Do one step; what goes wrong says where its reason is, and no secret."""
        problem: Exception
        try:
            act()
        except DefinitionConflictError:  # says both sides by itself
            raise
        except Exception as error:  # noqa: BLE001 - it may be of the user's own make
            problem = explained(error, place, options)
        else:
            return
        raise problem  # not in there: what it is about may have said a secret

    def undo(self) -> None:
        """Take everything out again, and deliver nothing."""
        for thing in reversed(self._added):
            self._metrics.remove(thing)
        self._metrics.close()

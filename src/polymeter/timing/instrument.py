"""Instrument: what timers and counters of code share: a name, tags, and somebody who hears of them."""

from __future__ import annotations

import copy
import logging
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, TypeVar

from polymeter.errors import DefinitionError
from polymeter.timing.blocks import Blocks
from polymeter.timing.classes import decorated_class
from polymeter.timing.naming import checked_name, checked_tags, name_of, pairs_of
from polymeter.timing.target import Here, Target, target_of
from polymeter.timing.wrapping import plain, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from polymeter.clock import Clock
    from polymeter.contracts import CanDispatchEvents
    from polymeter.events.timing import TagPairs
    from polymeter.timing.naming import TagsOrCallable
    from polymeter.timing.runs import Run

__all__ = ["Instrument"]

AnyT = TypeVar("AnyT")

_log: Final = logging.getLogger("polymeter.timing")


class Instrument(ABC):
    """Decorates what can be called, and goes around blocks: ``with`` and ``async with``.

    One may be used any number of times, by many threads and tasks at once, and inside itself.

    :param name: of the metric; ``None``: after what is decorated.
    :param tags: a mapping, or a callable that takes the arguments of each call and gives one.
    :param events: the dispatcher; ``None``: the one that is current when a run begins.
    :param clock: ``None``: that of the dispatcher.
    :raises DefinitionError: for what cannot work.
    """

    word: ClassVar[str]
    suffix: ClassVar[str] = ""

    _fixed: Target | None
    _here: Here

    def __init__(
        self,
        name: str | None = None,
        *,
        tags: TagsOrCallable | None = None,
        events: CanDispatchEvents | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.name = None if name is None else checked_name(name, self.word)
        self._tags, self._tags_of = checked_tags(tags, self.word)
        self._fixed, self._here = target_of(events, clock, self.word)
        self._blocks = Blocks()
        self._has_logged = False

    def __call__(self, function: AnyT, /) -> AnyT:
        """Give what takes the place of ``function``, which is left as it is; a class is changed and given back."""
        if isinstance(function, type):
            decorated_class(function, self)
            return function
        given: AnyT = wrapped(function, self.named(name_of(function) + self.suffix), self.word)
        return given

    def named(self, name: str) -> Self:
        """Give this one, or one like it that is called ``name`` if this has no name."""
        return self if self.name is not None else self._like(name, self._tags)

    def tagged(self, key: str, value: str) -> Self:
        """Give one like this with one more tag."""
        return self._like(self.name, (*self._tags, (key, value)))

    def _like(self, name: str | None, tags: TagPairs) -> Self:
        other = copy.copy(self)
        vars(other).update(name=name, _tags=tags, _blocks=Blocks())
        return other

    def target(self) -> Target:
        """Give who hears of a run that begins now."""
        return self._here.find() if self._fixed is None else self._fixed

    def tags_of(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> TagPairs:
        """Give the tags of a call. What its callable raises is logged once, and those tags are missing."""
        if self._tags_of is None:
            return self._tags
        try:
            return (*self._tags, *pairs_of(self._tags_of(*args, **kwargs), self.word))
        except Exception as error:  # noqa: BLE001 - the call must not notice
            if not self._has_logged:
                self._has_logged = True
                _log.warning(
                    "%s(%r): its tags could not be told (%s); what it records lacks them",
                    self.word,
                    self.name,
                    type(error).__name__,
                )
            return self._tags

    @abstractmethod
    def begin(self, args: tuple[Any, ...], kwargs: dict[str, Any], /) -> Run | None:
        """Begin a run for a call with these arguments; ``None`` if nobody wants to know. Never raises."""

    def around(self, function: Callable[..., Any], /) -> Callable[..., Any]:
        """Give a plain function around ``function``."""
        return plain(self, function)

    def __enter__(self) -> Self:
        if self.name is None:
            message = f"a block has no name of its own: with {self.word}('orders.place_ms'):"
            raise DefinitionError(message)
        self._blocks.enter(self.begin((), {}))
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._blocks.leave(exc)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._blocks.leave(exc)

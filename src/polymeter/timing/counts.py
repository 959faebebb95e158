"""counted: how often code runs, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias, TypeVar, get_args, overload

from polymeter.errors import DefinitionError
from polymeter.events.inference import Outcome
from polymeter.timing.instrument import Instrument
from polymeter.timing.runs import CountedRun

if TYPE_CHECKING:
    from polymeter.clock import Clock
    from polymeter.contracts import CanDispatchEvents
    from polymeter.timing.naming import TagsOrCallable

__all__ = ["Counting", "When", "counted"]

AnyT = TypeVar("AnyT")

When: TypeAlias = "Outcome | type[BaseException] | Iterable[Outcome | type[BaseException]]"
"""Which ends count: outcomes, or classes of exceptions."""

_OUTCOMES: Final[tuple[str, ...]] = get_args(Outcome)


class Counting(Instrument):
    """What :func:`counted` gives when it is told something: a decorator and a context manager."""

    word: ClassVar[str] = "counted"
    suffix: ClassVar[str] = ".calls"

    def __init__(
        self,
        name: str | None = None,
        *,
        tags: TagsOrCallable | None = None,
        when: When | None = None,
        events: CanDispatchEvents | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(name, tags=tags, events=events, clock=clock)
        self._counts = _counts(when)

    def begin(self, args: tuple[Any, ...], kwargs: dict[str, Any], /) -> CountedRun | None:
        """Begin a run for a call with these arguments; ``None`` if nobody wants to know. Never raises."""
        target = self.target()
        if not target.counted.listening:
            return None
        return CountedRun(target, self.name or "", self.tags_of(args, kwargs), self._counts)


@overload
def counted(
    name: str | None = None,
    /,
    *,
    tags: TagsOrCallable | None = None,
    when: When | None = None,
    events: CanDispatchEvents | None = None,
    clock: Clock | None = None,
) -> Counting: ...
@overload
def counted(function: AnyT, /) -> AnyT: ...
def counted(
    what: Any = None,
    /,
    *,
    tags: TagsOrCallable | None = None,
    when: When | None = None,
    events: CanDispatchEvents | None = None,
    clock: Clock | None = None,
) -> Any:
    """Count the runs of what is decorated, or of a block, at their end and by their outcome.

    It goes around what :func:`~polymeter.timing.timed` goes around, and in the same way. Without a name, that of the
    function is used with ``.calls`` after it.

    :param what: the name, or what is decorated.
    :param tags: a mapping, or a callable that takes the arguments of each call and gives one.
    :param when: which ends count: ``"error"``, ``("error", "cancelled")``, ``TimeoutError``; ``None``: all.
    :param events: who is told; ``None``: the dispatcher that is current when a run begins.
    :param clock: ``None``: that of the dispatcher.
    :raises DefinitionError: for what cannot be counted, and for names, tags and outcomes that cannot work.
    """
    name = what if what is None or isinstance(what, str) else None
    counting = Counting(name, tags=tags, when=when, events=events, clock=clock)
    return counting if what is name else counting(what)


def _counts(when: When | None) -> Callable[[Outcome, BaseException | None], bool] | None:
    if when is None:
        return None
    given = (when,) if isinstance(when, str | type) or not isinstance(when, Iterable) else tuple(when)
    for each in given:
        if each not in _OUTCOMES and not (isinstance(each, type) and issubclass(each, BaseException)):
            message = f"counted: when={each!r} is neither an outcome ({', '.join(_OUTCOMES)}) nor a class of exceptions"
            raise DefinitionError(message)
    outcomes = frozenset(each for each in given if isinstance(each, str))
    errors = tuple(each for each in given if isinstance(each, type))

    def counts(outcome: Outcome, error: BaseException | None) -> bool:
        return outcome in outcomes or (error is not None and isinstance(error, errors))

    return counts

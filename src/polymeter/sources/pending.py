"""An answer that the caller still has to read, and how to notice that it never will be."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from polymeter.sources.lifecycle import abandon_when_dropped, outcome_of

if TYPE_CHECKING:
    import weakref
    from collections.abc import Awaitable, Callable

    from polymeter.events.inference import Outcome
    from polymeter.sources.lifecycle import InferenceRun

__all__ = ["PendingAnswer", "ReadsAnswers", "enter", "twin_of", "when_closed"]

HeldT = TypeVar("HeldT")


class ReadsAnswers(Protocol):
    """Takes from an answer what a run should know. Never raises: what it cannot read it counts."""

    def chunk(self, chunk: Any, /) -> bool:
        """Read one chunk of a stream; called for each of them, so it has to be quick.

        :return: whether it has content: text, reasoning, arguments of a tool call, or other output; not so if it only
            says the role, an end or the usage. What cannot be read has none.
        """
        ...

    def whole(self, answer: Any, /) -> None:
        """Read an answer that came in one piece."""

    def settle(self) -> None:
        """Give the run what was kept until the end."""

    def surprise(self) -> None:
        """Count that something could not be read."""


class PendingAnswer:
    """Ends a run in whichever way the answer ends first.

    It ends when it is read to its end, breaks, is closed by whoever, or when what the caller holds is dropped. The
    last one needs :meth:`hold`: the run hangs on the object that the caller got, and on nothing else.

    :ivar parsed: whether its chunks are followed one by one.
    """

    __slots__ = ("_finalizer", "_unhook", "parsed", "reader", "run")

    def __init__(self, run: InferenceRun, reader: ReadsAnswers) -> None:
        self.run = run
        self.reader = reader
        self.parsed = False
        self._finalizer: weakref.finalize[..., Any] | None = None
        self._unhook: Callable[[], None] | None = None

    @property
    def is_hooked(self) -> bool:
        """Whether something is to be called when it is over."""
        return self._unhook is not None

    def hold(self, held: object) -> None:
        """End the run as abandoned when ``held`` is dropped, instead of what was held before."""
        if self._finalizer is not None:
            self._finalizer.detach()
        self._finalizer = abandon_when_dropped(held, self.run)
        if not self.run.is_open:  # ended by another thread meanwhile
            self._release()

    def when_ended(self, unhook: Callable[[], None]) -> None:
        """Call ``unhook`` when it is over."""
        self._unhook = unhook

    def end(self, outcome: Outcome, error: BaseException | None = None) -> None:
        """End the run."""
        self._release()
        if outcome in ("ok", "error") and self.run.is_open:
            self.reader.settle()
        self.run.end(outcome, error)

    def failed(self, error: BaseException) -> None:
        """End the run with an exception that was raised while the answer was read.

        A ``GeneratorExit`` here is thrown into a coroutine that its event loop forgot: nobody closes it on purpose.
        """
        self.end("abandoned" if isinstance(error, GeneratorExit) else outcome_of(error), error)

    def closed(self, response: Any) -> None:
        """End the run because ``response`` is closed, unless that is a part of reading it."""
        if _reading.get() is self:
            return
        # Without a parser nobody can tell a whole body from a part of one; begun counts as read.
        read_raw = not self.parsed and getattr(response, "is_stream_consumed", False)
        self.end("ok" if read_raw else "cancelled")

    def _release(self) -> None:
        finalizer, self._finalizer = self._finalizer, None
        if finalizer is not None:
            finalizer.detach()
        unhook, self._unhook = self._unhook, None
        if unhook is not None:
            unhook()


# Tells a close that reading causes (the end of the body, a broken line) from one that the caller asks for, perhaps in
# another thread or task while this one reads: those have contexts of their own.
_reading: Final[ContextVar[PendingAnswer | None]] = ContextVar("polymeter_reading", default=None)

enter: Final = _reading.set
"""Begin to read an answer, in this context."""


def twin_of(held: HeldT) -> HeldT:
    """Give a second object that is the same in all but identity: same class, same attributes, now and later.

    An SDK's stream is part of a reference cycle (its own generator holds it), so it would be freed, and noticed to be
    abandoned, only by some later garbage collection. The generator does not know the twin: that goes the moment the
    caller drops it. It is also the least that can be changed: no subclass, no proxy, ``type(stream)`` stays as it was.
    """
    cls = type(held)
    if hasattr(cls, "__del__") or any(vars(each).get("__slots__") for each in cls.__mro__):
        return held  # a second one would be finalised twice, or be incomplete; noticing late is better
    twin = object.__new__(cls)
    # A plain dictionary for both. The one that an object starts with may be a view of values inside of the object
    # (CPython 3.13), and the garbage collector does not see that the twin needs these.
    twin.__dict__ = held.__dict__ = dict(held.__dict__)
    return twin


def when_closed(response: Any, answer: PendingAnswer) -> None:
    """Have ``answer`` told when ``response`` is closed, by whatever way.

    All of them (``stream.close()``, ``with stream``, helpers that close the response themselves) call its ``close`` or
    ``aclose``, so these are hooked, on this one object. If they cannot be, an answer that was closed is noticed when it
    is dropped.
    """
    if answer.is_hooked or not hasattr(response, "__dict__"):
        return
    mine: dict[str, Any] = response.__dict__
    before = {name: mine[name] for name in ("close", "aclose") if name in mine}
    hooks: dict[str, Any] = {}
    if hasattr(response, "close"):
        hooks["close"] = _hooked_close(response.close, response, answer)
    if hasattr(response, "aclose"):
        hooks["aclose"] = _hooked_aclose(response.aclose, response, answer)
    for name, hook in hooks.items():
        setattr(response, name, hook)

    def unhook() -> None:
        for name, hook in hooks.items():
            if getattr(response, name, None) is not hook:
                continue  # somebody else hooked it too
            if name in before:
                setattr(response, name, before[name])
            else:
                delattr(response, name)

    # Response and hook hold each other, and must: the garbage collector clears weak references before it closes what
    # it collects. So the hook goes when the answer ends, and leaves no cycle that would not have been there without it.
    answer.when_ended(unhook)


def _hooked_close(close: Callable[[], Any], response: Any, answer: PendingAnswer) -> Callable[[], None]:
    def hooked() -> None:
        try:
            answer.closed(response)
        finally:
            close()

    return hooked


def _hooked_aclose(
    aclose: Callable[[], Awaitable[Any]], response: Any, answer: PendingAnswer
) -> Callable[[], Awaitable[None]]:
    async def hooked() -> None:
        try:
            answer.closed(response)
        finally:
            await aclose()

    return hooked

"""One inference from its start to its one end, whatever library runs it.

Every source of inference events is built on :class:`InferenceRun`; so can be a client of one's own::

    with inference(events, model="my-model") as run:
        answer = call_the_model()
        run.usage(Usage(input=answer.read, output=answer.written))

A stream outlives the call that asked for it. Start it with :func:`start_inference`, call ``run.chunk()`` for what it
gives and ``run.end(...)`` at its end; :func:`abandon_when_dropped` ends it when nobody wants it any more.
"""

from __future__ import annotations

import uuid
import weakref
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from polymeter.events import current
from polymeter.events.event import current_unit_of_work
from polymeter.forking import after_fork
from polymeter.sources.emitters import InferenceEmitters, Track

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from polymeter.clock import Clock
    from polymeter.contracts import CanDispatchEvents
    from polymeter.events.inference import Outcome, Usage
    from polymeter.sources.health import Tally

__all__ = [
    "InferenceRun",
    "InferenceScope",
    "abandon_when_dropped",
    "inference",
    "outcome_of",
    "start_inference",
]

ItemT = TypeVar("ItemT")


def outcome_of(error: BaseException) -> Outcome:
    """Say how an execution ended that ``error`` went through.

    What is no ``Exception`` (``CancelledError``, ``KeyboardInterrupt``, ``GeneratorExit``) ended it on purpose.
    """
    return "error" if isinstance(error, Exception) else "cancelled"


class _Ids:
    """Ids of executions: unique across processes, and cheaper than a random number for each."""

    def __init__(self) -> None:
        self._count = count(1)
        self.prefix = uuid.uuid4().hex[:16]
        after_fork(self)

    def new(self) -> str:
        """Give an id that nobody else has."""
        return f"{self.prefix}-{next(self._count)}"

    def after_fork_in_child(self) -> None:
        """Take another prefix: the child counts on from where the parent was."""
        self.prefix = uuid.uuid4().hex[:16]


_ids = _Ids()


class InferenceRun:
    """One execution, told to some dispatchers that were chosen at its start.

    Call :meth:`start` first. From then on exactly one ``InferenceCompleted`` follows, at the first :meth:`end`; later
    calls of anything do nothing. Any thread, finaliser or signal handler may call any method: there is no lock.
    All events carry the unit of work of the context in which the run was made, wherever it is told to go on.

    A run that was copied into a forked child says nothing there: it belongs to the parent.

    A dispatcher with ``on_error="raise"`` may raise from every method; what was to be told has been told by then.

    :param to: the dispatchers; may be empty.
    :param model: the model that is asked for.
    :param provider: who is asked, in the words of the OpenTelemetry GenAI conventions.
    :param operation: ``chat``, ``embeddings``, ...; words of the same conventions.
    :param streamed: whether the answer comes as a stream.
    :param tallies: counts of sources to keep up to date.
    :ivar execution_id: what all events of this run have in common.
    :ivar attempt_count: attempts that have been started.
    :ivar finish_reason: why the model stopped. Once it is set the answer is whole: closing, cancelling or dropping it
        later is no failure any more, and the outcome is ``ok``.
    :ivar response_model: the model that answered, if the provider says.
    :ivar reported: the last usage that was reported.
    """

    __slots__ = (
        "__weakref__",
        "_attempt",
        "_no_chunk_yet",
        "_open",
        "_prefix",
        "_tallies",
        "_tracks",
        "attempt_count",
        "execution_id",
        "finish_reason",
        "reported",
        "response_model",
    )

    def __init__(
        self,
        to: Iterable[InferenceEmitters],
        *,
        model: str,
        provider: str = "unknown",
        operation: str = "chat",
        streamed: bool = False,
        tallies: tuple[Tally, ...] = (),
    ) -> None:
        self.execution_id = _ids.new()
        self.attempt_count = 0
        self.finish_reason: str | None = None
        self.response_model: str | None = None
        self.reported: Usage | None = None
        same = {
            "execution_id": self.execution_id,
            "model": model,
            "provider": provider,
            "operation": operation,
            "streamed": streamed,
            "unit_of_work": current_unit_of_work(),
        }
        self._tracks = tuple([Track(each, same) for each in to])
        self._tallies = tallies
        self._prefix = _ids.prefix
        # Lists of one: pop() is atomic and needs no lock, so of several callers exactly one gets the item.
        self._open = [True]
        self._no_chunk_yet = [True]
        self._attempt: list[int] = []

    @property
    def is_open(self) -> bool:
        """Whether it has not ended yet."""
        return bool(self._open)

    @property
    def is_trying(self) -> bool:
        """Whether an attempt is under way."""
        return bool(self._attempt)

    def start(self) -> None:
        """Tell that it began; its durations count from when it was made."""
        for tally in self._tallies:
            tally.started.add()
        self._tell(Track.started)

    def attempt_started(self) -> None:
        """Tell that a request is about to be sent. If one was under way it failed for a reason that nobody told."""
        if not self._open:
            return
        if self._attempt:
            self.attempt_failed(None, None, will_retry=True)
        self.attempt_count = attempt = self.attempt_count + 1
        self._attempt.append(attempt)
        self._tell(lambda track: track.attempt_started(attempt))

    def attempt_succeeded(self, http_status: int | None = None) -> None:
        """Tell that the request was answered; if none was told to be under way, that one was sent."""
        attempt = self._close_attempt()
        if attempt is not None:
            self._tell(lambda track: track.attempt_succeeded(attempt, http_status))

    def attempt_failed(self, error_type: str | None, http_status: int | None, *, will_retry: bool) -> None:
        """Tell that the request failed; if none was told to be under way, that one was sent.

        :param error_type: name of the exception's class, as the caller would see it.
        :param http_status: of the answer, if there was one.
        :param will_retry: whether the client library tries again.
        """
        attempt = self._close_attempt()
        if attempt is not None:
            self._tell(lambda track: track.attempt_failed(attempt, error_type, http_status, will_retry=will_retry))

    def chunk(self) -> None:
        """Tell that the caller gets a chunk; all but the first are ignored."""
        if self._open and _pop(self._no_chunk_yet) is not None:
            self._tell(Track.chunk)

    def usage(self, usage: Usage) -> None:
        """Keep the tokens that the provider reports; of several reports the last counts.

        They are told once, right before the end: a report is a total, and adding up two of one run would be wrong.
        """
        if self._open:
            self.reported = usage

    def end(self, outcome: Outcome, error: BaseException | None = None) -> None:
        """Tell that it is over, and close the attempt that is still under way; only the first call counts.

        :param outcome: ``cancelled`` and ``abandoned`` count as ``ok`` if the provider gave its ``finish_reason``.
        :param error: what ended it, if something did; only the name of its class is told.
        """
        if _pop(self._open) is None:
            return
        if outcome in ("cancelled", "abandoned") and self.finish_reason is not None:
            outcome = "ok"
        for tally in self._tallies:
            tally.ended[outcome].add()
        error_type = None if error is None else type(error).__name__
        attempt, usage = _pop(self._attempt), self.reported
        try:
            if attempt is not None and outcome == "ok":
                self._tell(lambda track: track.attempt_succeeded(attempt, None))
            elif attempt is not None:
                self._tell(lambda track: track.attempt_failed(attempt, error_type, None, will_retry=False))
        finally:
            try:
                if usage is not None:
                    self._tell(lambda track: track.usage_reported(usage))
            finally:
                self._tell(lambda track: track.completed(self, outcome, error_type if outcome == "error" else None))

    def _close_attempt(self) -> int | None:
        if self._open and not self._attempt:
            self.attempt_started()
        return _pop(self._attempt)

    def _tell(self, tell: Callable[[Track], None]) -> None:
        if self._prefix != _ids.prefix:
            return  # a copy in a forked child
        failure: BaseException | None = None
        for track in self._tracks:
            try:
                tell(track)
            except BaseException as error:  # noqa: BLE001 - raised below, once everybody has been told
                failure = failure or error
        if failure is not None:
            raise failure


def _pop(items: list[ItemT]) -> ItemT | None:
    try:
        return items.pop()
    except IndexError:
        return None


def start_inference(
    events: CanDispatchEvents | None = None,
    *,
    model: str,
    provider: str = "unknown",
    operation: str = "chat",
    streamed: bool = False,
    clock: Clock | None = None,
) -> InferenceRun:
    """Start an execution that you end yourself, with ``run.end(outcome)``.

    :param events: who is told; left out: the current dispatcher (``polymeter.events.current()``).
    :param clock: left out: the dispatcher's own. The other parameters are those of :class:`InferenceRun`.
    """
    to = InferenceEmitters(current() if events is None else events, clock)
    run = InferenceRun(
        (to,) if to.listening else (), model=model, provider=provider, operation=operation, streamed=streamed
    )
    run.start()
    return run


def abandon_when_dropped(holder: object, run: InferenceRun) -> weakref.finalize[[Outcome], Any]:
    """End ``run`` as ``abandoned`` when ``holder`` goes away, or when the interpreter exits before.

    :param holder: what the caller holds while the answer is not whole, such as a stream. ``run`` must not lead to it.
    :return: the finaliser; ``detach()`` it when the run ended in time.
    """
    return weakref.finalize(holder, run.end, "abandoned")


class InferenceScope:
    """One execution as a block, for ``with`` and ``async with``; made by :func:`inference`."""

    __slots__ = ("_run", "_start")

    def __init__(self, start: Callable[[], InferenceRun]) -> None:
        self._start = start
        self._run: InferenceRun | None = None

    def __enter__(self) -> InferenceRun:
        self._run = run = self._start()
        return run

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._run is not None:
            self._run.end("ok" if exc is None else outcome_of(exc), exc)

    async def __aenter__(self) -> InferenceRun:
        return self.__enter__()

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(exc_type, exc, traceback)


def inference(
    events: CanDispatchEvents | None = None,
    *,
    model: str,
    provider: str = "unknown",
    operation: str = "chat",
    streamed: bool = False,
    clock: Clock | None = None,
) -> InferenceScope:
    """Tell a block as one execution: it ends ``ok``, by an exception as ``error``, or ``cancelled``.

    The block gets the :class:`InferenceRun`, to tell attempts, chunks and usage; all of that is optional. Attempts that
    are not told have no events, but an answer counts as one request. The exception goes on to the caller.

    The parameters are those of :func:`start_inference`.
    """
    return InferenceScope(
        lambda: start_inference(
            events, model=model, provider=provider, operation=operation, streamed=streamed, clock=clock
        )
    )

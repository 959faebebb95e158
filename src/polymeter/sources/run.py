"""InferenceRun: one inference from its start to its one end."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, TypeVar

from polymeter.events.event import current_unit_of_work
from polymeter.sources.following import FollowedAsyncStream, FollowedStream
from polymeter.sources.in_flight import IDS, IN_FLIGHT
from polymeter.sources.telling import tell_all
from polymeter.sources.track import Track, pop

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Container, Iterable

    from polymeter.events.inference import Outcome, Usage
    from polymeter.sources.emitters import InferenceEmitters
    from polymeter.sources.health import Tally

__all__ = ["InferenceRun"]

ChunkT = TypeVar("ChunkT")


class InferenceRun:
    """One execution, told to some dispatchers that were chosen at its start.

    Call :meth:`start` first. From then on exactly one ``InferenceCompleted`` follows, at the first :meth:`end`; later
    calls of anything do nothing. Any thread, finaliser or signal handler may call any method: there is no lock.
    All events carry the unit of work of the context in which the run was made, wherever it is told to go on.

    A run that is dropped before its end, or still open when the interpreter exits, ends as ``abandoned``. There is no
    limit to how long one may take: what is still held may still go on.

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
    :ivar input_count: of embeddings: how many inputs there are.
    :ivar dimensions: of embeddings: how many numbers each of them has.
    :ivar server_address: name of the host that is asked, without port or path.
    :ivar reported: the last usage that was reported.
    """

    __slots__ = (
        "__weakref__",
        "_attempt",
        "_open",
        "_prefix",
        "_tallies",
        "_tracks",
        "attempt_count",
        "dimensions",
        "execution_id",
        "finish_reason",
        "input_count",
        "reported",
        "response_model",
        "server_address",
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
        self.execution_id = IDS.new()
        self.attempt_count = 0
        self.finish_reason: str | None = None
        self.response_model: str | None = None
        self.input_count: int | None = None
        self.dimensions: int | None = None
        self.server_address: str | None = None
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
        self._prefix = IDS.prefix
        # Lists of one: pop() is atomic and needs no lock, so of several callers exactly one gets the item.
        self._open = [True]
        self._attempt: list[int] = []

    @property
    def to(self) -> tuple[InferenceEmitters, ...]:
        """The dispatchers that it is told to."""
        return tuple([track.to for track in self._tracks])

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
        if self._tracks or self._tallies:
            IN_FLIGHT[self.execution_id] = weakref.ref(self)
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

    def chunk(self, has_content: bool = True) -> None:  # noqa: FBT001, FBT002 - called for every token, by place
        """Tell that the caller gets a chunk; call it for each one.

        :param has_content: whether the chunk has text, reasoning, arguments of a tool call, or other output; not so if
            it only says the role, an end or the usage.
        """
        if not self._open or self._prefix is not IDS.prefix:
            return
        failure: BaseException | None = None
        for track in self._tracks:
            try:
                track.chunk(has_content)
            except BaseException as error:  # noqa: BLE001 - raised below, once everybody has been told
                failure = failure or error
        if failure is not None:
            raise failure

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
        if pop(self._open) is None:
            return
        IN_FLIGHT.pop(self.execution_id, None)
        if outcome in ("cancelled", "abandoned") and self.finish_reason is not None:
            outcome = "ok"
        for tally in self._tallies:
            tally.ended[outcome].add()
        error_type = None if error is None else type(error).__name__
        attempt, usage = pop(self._attempt), self.reported
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

    def follow(
        self, chunks: Iterable[ChunkT], read: Callable[[ChunkT], bool | None] | None = None
    ) -> FollowedStream[ChunkT]:
        """Tell the chunks of a stream as the caller takes them, and end with it, in whatever way that ends.

        :param chunks: the stream.
        :param read: called with each chunk before the caller gets it: what it says of usage and finish reason can be
            told here; ``False`` says that the chunk has no content. If it raises, the caller does not notice.
        :return: what to give to the caller instead of ``chunks``.
        """
        return FollowedStream(self, chunks, read)

    def afollow(
        self, chunks: AsyncIterable[ChunkT], read: Callable[[ChunkT], bool | None] | None = None
    ) -> FollowedAsyncStream[ChunkT]:
        """Do the same for a stream that is read with ``async for``."""
        return FollowedAsyncStream(self, chunks, read)

    def __del__(self, in_flight: Container[str | None] = IN_FLIGHT) -> None:  # the name may be gone at the very end
        if getattr(self, "execution_id", None) in in_flight:
            self.end("abandoned")

    def _close_attempt(self) -> int | None:
        if self._open and not self._attempt:
            self.attempt_started()
        return pop(self._attempt)

    def _tell(self, tell: Callable[[Track], None]) -> None:
        if self._prefix != IDS.prefix:
            return  # a copy in a forked child
        tell_all(self._tracks, tell)

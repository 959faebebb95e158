"""One call of LiteLLM: from the caller's function to the end of its answer, and what is tried in between."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final, cast

from polymeter.events.usage import Usage
from polymeter.sources import rate_limits
from polymeter.sources.litellm_answers import LiteLLMReader, host_of
from polymeter.sources.litellm_streams import StreamAnswer, followed, is_lazy
from polymeter.sources.openai_answers import part
from polymeter.sources.run import InferenceRun

if TYPE_CHECKING:
    from polymeter.sources.installs import Audience
    from polymeter.sources.litellm_asked import Asked

__all__ = ["Call"]

# Classes of httpx, aiohttp and Python for a request that got no answer; LiteLLM's exceptions come of them.
_NO_ANSWER: Final = frozenset({"ClientConnectionError", "TimeoutError", "TransportError"})
_DEPTH: Final = 10  # exceptions of which one comes of the other


class Call:
    """One execution, and the :class:`~polymeter.sources.nested.OuterCall` of what LiteLLM does for it.

    What LiteLLM knows of attempts is that it is about to send a request, and that one of its own tries failed. If the
    library that sends it has a source too, that one knows more: retries below LiteLLM, and each status. So an attempt
    that LiteLLM began is taken over by the library below, and an attempt that failed there for good stays open until
    it is clear whether LiteLLM tries again.

    :param owner: whose wrappers may tell about it.
    :ivar is_active: whether LiteLLM is at work on it.
    :ivar thread: the one that it was called in.
    """

    __slots__ = (
        "_answer",
        "_asked",
        "_audience",
        "_failure",
        "_is_taken_over",
        "_reader",
        "is_active",
        "owner",
        "run",
        "thread",
    )

    def __init__(self, owner: object, asked: Asked, audience: Audience) -> None:
        self.owner = owner
        self.is_active = True
        self.thread = threading.get_ident()
        self.run = InferenceRun(
            audience.to,
            model=asked.model,
            provider=asked.provider,
            operation=asked.operation,
            streamed=asked.streamed,
            tallies=audience.tallies,
        )
        self.run.input_count = asked.input_count
        self.run.server_address = asked.server_address
        self._asked = asked
        self._reader = LiteLLMReader(self.run, asked.provider, asked.choices, audience.surprised)
        self._answer = StreamAnswer(self.run, self._reader)
        self._failure: tuple[str | None, int | None] | None = None  # of the attempt that is open
        self._is_taken_over = True

    def requested(self) -> None:
        """Hear from LiteLLM that a request is about to be sent."""
        if self.run.is_trying and self._failure is None:
            return  # said twice
        self.retries()
        self.run.attempt_started()
        self._is_taken_over = False

    def tried(self, error: BaseException) -> None:
        """Hear that a try of LiteLLM failed; not yet whether there is another one."""
        if self.run.is_trying and self._failure is None:
            self._failure = type(error).__name__, _status_of(error)

    def retries(self) -> None:
        """Hear that LiteLLM tries again."""
        self._tell_failure(will_retry=True)

    def gives_up(self) -> None:
        """Hear that LiteLLM tries no more."""
        self._tell_failure(will_retry=False)

    def inner_attempt_started(self) -> None:
        """Hear from the library below that a request is about to be sent."""
        if self._is_taken_over or not self.run.is_trying:
            self.retries()
            self.run.attempt_started()
        self._is_taken_over = True

    def inner_attempt_succeeded(self, http_status: int | None) -> None:
        """Hear from the library below that it was answered."""
        self.run.attempt_succeeded(http_status)

    def inner_attempt_failed(self, error_type: str | None, http_status: int | None, *, will_retry: bool) -> None:
        """Hear from the library below that it failed."""
        if will_retry:
            self.run.attempt_failed(error_type, http_status, will_retry=True)
        else:
            self._failure = error_type, http_status

    def answered(self, answer: Any) -> Any:
        """End the run, now or when the answer has been read; give what the caller gets."""
        run = self.run
        known = part(answer, "_hidden_params")
        hidden = cast("dict[str, Any]", known) if isinstance(known, dict) else {}
        cached = hidden.get("cache_hit") is True
        streams = hasattr(answer, "__next__") or hasattr(answer, "__anext__")
        try:
            if not (cached or (streams and is_lazy(answer))):
                self.opened()
        except BaseException as error:  # a dispatcher that was asked to raise
            self._answer.failed(error)
            raise
        try:
            run.server_address = run.server_address or host_of(hidden.get("api_base"))
            headers = hidden.get("additional_headers")
            if isinstance(headers, dict) and not cached:
                rate_limits.report(run, self._asked.provider, self._asked.model, cast("dict[str, str]", headers))
            if streams:
                return followed(answer, self._answer, self._reader, self)
            self._reader.whole(answer)
            if cached:
                run.usage(Usage())  # what was used, was used by the call that filled the cache
        except Exception:  # noqa: BLE001 - the host must not notice
            self._reader.surprise()
        self._answer.end("ok")
        return answer

    def opened(self) -> None:
        """Hear that there is an answer, or the beginning of one."""
        if self.run.is_trying or not self.run.attempt_count:
            self.run.attempt_succeeded()

    def failed(self, error: BaseException) -> None:
        """End the run with what the caller gets to see."""
        try:
            if isinstance(error, Exception):
                self.tried(error)
                self.gives_up()
        finally:
            self._answer.failed(error)

    def _tell_failure(self, *, will_retry: bool) -> None:
        failure, self._failure = self._failure, None
        if failure is not None and self.run.is_trying:
            self.run.attempt_failed(*failure, will_retry=will_retry)


def _status_of(error: BaseException) -> int | None:
    """Give the HTTP status of an answer. LiteLLM makes one up for what failed without an answer."""
    each: BaseException | None = error
    for _ in range(_DEPTH):
        if each is None:
            break
        if any(of.__name__ in _NO_ANSWER for of in type(each).__mro__):
            return None
        each = each.__cause__ or each.__context__
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None

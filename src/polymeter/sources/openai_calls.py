"""One call of the OpenAI SDK that is an inference: what happens to it, and how its answer ends."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from polymeter.sources.bodies import read_along, read_whole
from polymeter.sources.nested import run_for
from polymeter.sources.openai_answers import AnswerReader
from polymeter.sources.openai_responses import ResponsesReader
from polymeter.sources.pending import PendingAnswer
from polymeter.sources.rate_limits import report
from polymeter.sources.raw import follow_response
from polymeter.sources.streams import followed_stream

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from polymeter.events.inference import Outcome
    from polymeter.sources.installs import Audience
    from polymeter.sources.lifecycle import InferenceRun
    from polymeter.sources.openai_asked import Asked

__all__ = ["Call", "status_of"]

# The class of the exception that the SDK raises for a status, if it does not retry.
_STATUS_ERRORS: Final = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    409: "ConflictError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
}


class Call:
    """One call of ``request`` that is an inference.

    :param owner: whose wrappers may tell about it.
    :param knows_attempts: whether the SDK will say when it has prepared a request. If not, one is assumed to be sent
        at once, and another one after each wait.
    """

    __slots__ = ("_answer", "_asked", "_knows_attempts", "_reader", "_response", "_sdk", "owner", "run")

    def __init__(
        self, owner: object, sdk: ModuleType, asked: Asked, audience: Audience, *, knows_attempts: bool
    ) -> None:
        self.owner = owner
        self.run = run = run_for(
            audience,
            model=asked.model,
            provider=asked.provider,
            operation=asked.operation,
            streamed=asked.streamed,
        )
        run.input_count = asked.input_count
        run.server_address = asked.server_address
        self._sdk = sdk
        self._asked = asked
        self._knows_attempts = knows_attempts
        self._reader = (ResponsesReader if asked.responds else AnswerReader)(run, asked.choices, audience.surprised)
        self._answer = _Answer(run, self._reader)
        self._response: Any = None

    def begin(self) -> None:
        """Tell that it began."""
        self.run.start()
        if not self._knows_attempts:
            self.run.attempt_started()

    def prepared(self) -> None:
        """Hear that a request is about to be sent."""
        if self._knows_attempts:
            self.run.attempt_started()

    def will_retry(self, response: Any) -> None:
        """Hear that an attempt failed and another one follows; called where its exception is being handled."""
        status = status_of(response)
        try:
            self.run.attempt_failed(_failure(status, sys.exc_info()[1]), status, will_retry=True)
        finally:
            self._limits(response)

    def slept(self) -> None:
        """Hear that the wait is over."""
        if not self._knows_attempts:
            self.run.attempt_started()

    def responded(self, response: Any) -> None:
        """Hear that an attempt succeeded; its answer is about to be parsed."""
        self._response = response
        try:
            self.run.attempt_succeeded(status_of(response))
        finally:
            self._limits(response)

    def answered(self, answer: Any) -> Any:
        """End the run, now or when the answer has been read; give what the caller gets."""
        run = self.run
        try:
            if run.is_trying or not run.attempt_count:
                run.attempt_succeeded()
        except BaseException as error:  # a dispatcher that was asked to raise
            self._answer.failed(error)
            raise
        try:
            if isinstance(answer, self._sdk.BaseModel):  # as nearly always
                self._reader.whole(answer)
            else:
                streams = self._sdk.Stream, self._sdk.AsyncStream
                if isinstance(answer, streams):
                    return followed_stream(answer, self._answer)
                response = getattr(answer, "http_response", None)
                if response is not None and (self._asked.streamed or not response.is_closed):
                    follow_response(answer, self._answer, streams)
                    self._answer.when_over(read_along(response, self._answer))
                    return answer
                self._read(answer if response is None else response)
        except Exception:  # noqa: BLE001 - the host must not notice
            self._reader.surprise()
        self._answer.end("ok")
        return answer

    def failed(self, error: BaseException) -> None:
        """End the run with what the caller gets to see."""
        run = self.run
        try:
            if self._response is not None:  # an answer came and was paid for, but was not what its parser wants
                self._read_unparsed(self._response)
            elif isinstance(error, Exception) and (
                run.is_trying or (not run.attempt_count and isinstance(error, self._sdk.APIError))
            ):
                run.attempt_failed(type(error).__name__, status_of(error), will_retry=False)
                self._limits(getattr(error, "response", None))
        finally:
            self._answer.failed(error)

    def _read(self, answer: Any) -> None:
        if hasattr(answer, "is_stream_consumed"):
            read_whole(answer, self._reader)
        else:
            self._reader.whole(answer)

    def _read_unparsed(self, response: Any) -> None:
        try:
            response.content  # noqa: B018 - raises if the body was not read
        except Exception:  # noqa: BLE001 - the host must not notice
            return
        read_whole(response, self._reader)

    def _limits(self, response: Any) -> None:
        headers = getattr(response, "headers", None)
        if headers is not None:
            report(self.run, self._asked.provider, self._asked.model, headers)


class _Answer(PendingAnswer):
    """An answer that may report its own failure, and that may be read along with."""

    __slots__ = ("_over", "_reading")

    def __init__(self, run: InferenceRun, reader: AnswerReader) -> None:
        super().__init__(run, reader)
        self._reading = reader
        self._over: Callable[[], None] | None = None

    def when_over(self, over: Callable[[], None]) -> None:
        """Call ``over`` when it has ended."""
        self._over = over
        if not self.run.is_open:  # another thread ended it meanwhile
            over()

    def end(self, outcome: Outcome, error: BaseException | None = None) -> None:
        """End the run; it failed if the answer says so."""
        over, self._over = self._over, None
        if over is not None:
            over()
        failure = self._reading.failure
        if failure is not None and outcome != "error":
            outcome, error = "error", failure
        super().end(outcome, error)


def status_of(thing: Any) -> int | None:
    """Give the HTTP status of a response, or of an exception that has one."""
    status = getattr(thing, "status_code", None)
    return status if isinstance(status, int) else None


def _failure(status: int | None, error: BaseException | None) -> str:
    if status is not None:
        return _STATUS_ERRORS.get(status) or ("InternalServerError" if status >= 500 else "APIStatusError")  # noqa: PLR2004
    timed_out = any(each.__name__ == "TimeoutException" for each in type(error).__mro__)  # of httpx2, or of httpx
    return "APITimeoutError" if timed_out else "APIConnectionError"

"""One call of an SDK that Stainless generates: its attempts, and how its answer ends."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from polymeter.sources.bodies import read_along, read_whole
from polymeter.sources.nested import run_for
from polymeter.sources.rate_limits import report
from polymeter.sources.raw import follow_response
from polymeter.sources.stainless import StainlessAnswer
from polymeter.sources.streams import followed_stream

if TYPE_CHECKING:
    from polymeter.sources.installs import Audience
    from polymeter.sources.stainless import Asked, Dialect

__all__ = ["StainlessCall"]


class StainlessCall:
    """One call of ``request`` that is an inference.

    :param owner: whose wrappers may tell about it.
    :param client: that is called.
    :param options: of the request.
    :param knows_attempts: whether the SDK will say when it has prepared a request. If not, one is assumed to be sent
        at once, and another one after each wait.
    """

    __slots__ = (
        "_answer",
        "_asked",
        "_client",
        "_knows_attempts",
        "_preparing",
        "_problem",
        "_reader",
        "_response",
        "_sdk",
        "_watched",
        "options",
        "owner",
        "run",
    )

    def __init__(
        self,
        owner: object,
        dialect: Dialect[Any],
        client: Any,
        *,
        options: object,
        asked: Asked,
        audience: Audience,
        knows_attempts: bool,
    ) -> None:
        self.owner = owner
        self.options = options
        self.run = run_for(
            audience,
            model=asked.model,
            provider=asked.provider,
            operation=asked.operation,
            streamed=asked.streamed,
        )
        self.run.server_address = asked.server_address
        self._asked = asked
        self._sdk = dialect.sdk
        self._client = client
        self._knows_attempts = knows_attempts
        self._reader = dialect.reader(self.run, asked, audience.surprised)
        self._answer = StainlessAnswer(self.run, self._reader)
        self._preparing = 0
        self._watched = False  # whether the SDK has a method for one attempt, with its result
        self._response: Any = None  # the last one that came
        self._problem: BaseException | None = None  # why none came

    def begin(self) -> None:
        """Tell that it began."""
        self.run.start()
        if not self._knows_attempts:
            self.run.attempt_started()

    # An attempt, in the order of things

    def attempting(self) -> None:
        """Hear that an attempt is about to be made."""
        self._watched = True
        if self.run.is_trying and (self._response is not None or self._problem is not None):
            self._failed_but_retried()  # by a middleware, without the SDK's retry loop
            self.slept()

    def preparing(self) -> None:
        """Hear that a request is being prepared; a subclass may go on to the method of its base, which also says so."""
        self._preparing += 1

    def prepared(self, *, well: bool = True) -> None:
        """Hear that a request is ready and about to be sent, or failed to become so."""
        self._preparing -= 1
        if well and self._knows_attempts and not self._preparing:
            self._response = self._problem = None
            self.run.attempt_started()

    def responded(self, response: Any) -> None:
        """Hear the response of an attempt, whatever its status."""
        self._response = response
        try:
            if getattr(response, "is_success", True):
                self.run.attempt_succeeded(status_of(response))
        finally:
            self._report(response)

    def unanswered(self, error: BaseException) -> None:
        """Hear that an attempt got no response."""
        self._problem = error

    def processing(self, response: Any) -> None:
        """Hear that a response is good; of SDKs without a method for one attempt."""
        if not self._watched:
            self.responded(response)

    def will_retry(self, response: Any) -> None:
        """Hear that an attempt failed and another one follows; called where its exception is being handled."""
        if not self._watched:
            self._response, self._problem = response, sys.exc_info()[1]
        try:
            if self.run.is_trying:
                self._failed_but_retried()
        finally:
            if not self._watched:
                self._report(response)

    def slept(self) -> None:
        """Hear that the wait is over."""
        if not self._knows_attempts:
            self.run.attempt_started()

    # The end

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
        run, response = self.run, self._response
        sent = run.is_trying or (not run.attempt_count and isinstance(error, self._sdk.APIError))
        try:
            if sent and isinstance(error, Exception):
                status = status_of(error)
                run.attempt_failed(type(error).__name__, status or status_of(response), will_retry=False)
                if response is None:
                    self._report(getattr(error, "response", None))
            elif getattr(response, "is_success", False):
                self._read_unparsed(response)  # it came and was paid for, but was not what its parser wants
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

    def _failed_but_retried(self) -> None:
        response, problem = self._response, self._problem
        self._response = self._problem = None
        status = status_of(response)
        error_type = self._name_of(problem) if status is None else self._refusal(response)
        self.run.attempt_failed(error_type, status, will_retry=True)

    def _refusal(self, response: Any) -> str:
        """Give the class of the exception that the SDK would raise for a response, if it did not retry."""
        make = self._client
        try:
            return type(make._make_status_error_from_response(response)).__name__  # noqa: SLF001
        except Exception:  # noqa: BLE001 - its body was never read
            try:
                return type(make._make_status_error("", body=None, response=response)).__name__  # noqa: SLF001
            except Exception:  # noqa: BLE001 - the host must not notice
                return "APIStatusError"

    def _name_of(self, problem: BaseException | None) -> str:
        if isinstance(problem, self._sdk.APIError):
            return type(problem).__name__
        timed_out = any(each.__name__ == "TimeoutException" for each in type(problem).__mro__)  # of httpx2, or of httpx
        return "APITimeoutError" if timed_out else "APIConnectionError"

    def _report(self, response: Any) -> None:
        headers = getattr(response, "headers", None)
        if headers is not None:
            report(self.run, self._asked.provider, self._asked.model, headers)


def status_of(thing: Any) -> int | None:
    """Give the HTTP status of a response, or of an exception that has one."""
    status = getattr(thing, "status_code", None)
    return status if isinstance(status, int) else None

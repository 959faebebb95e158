"""One call of the OpenAI SDK that is an inference: what it asks for, what happens to it, and how its answer ends."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, cast

from polymeter.sources.lifecycle import InferenceRun
from polymeter.sources.openai_answers import AnswerReader
from polymeter.sources.pending import PendingAnswer
from polymeter.sources.raw import follow_response
from polymeter.sources.streams import followed_stream

if TYPE_CHECKING:
    from types import ModuleType

    from polymeter.sources.installs import Audience

__all__ = ["Asked", "Call", "status_of"]

# The class of the exception that the SDK raises for a status, if it does not retry.
_STATUS_ERRORS = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    409: "ConflictError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call asks for.

    :ivar choices: how many answers.
    """

    model: str
    provider: str
    operation: str
    streamed: bool
    choices: int

    @classmethod
    def of(cls, sdk: ModuleType, client: Any, options: Any, *, streamed: bool) -> Self | None:
        """Read the options of a request; ``None`` if it is no inference."""
        path = options.url.partition("?")[0].rstrip("/")  # Azure: /deployments/.../chat/completions
        if path.endswith("/chat/completions"):
            operation = "chat"
        elif path.endswith("/embeddings"):
            operation = "embeddings"
        else:
            return None
        if options.method.lower() != "post":
            return None
        model = choices = None
        for body in (options.json_data, getattr(options, "extra_json", None)):  # extra_body wins, as on the wire
            if isinstance(body, Mapping):
                asked = cast("Mapping[str, Any]", body)
                model, choices = asked.get("model", model), asked.get("n", choices)
        return cls(
            model=model if isinstance(model, str) else "unknown",
            provider="azure.ai.openai" if isinstance(client, (sdk.AzureOpenAI, sdk.AsyncAzureOpenAI)) else "openai",
            operation=operation,
            streamed=streamed,
            choices=choices if isinstance(choices, int) else 1,
        )


class Call:
    """One call of ``request`` that is an inference.

    :param owner: whose wrappers may tell about it.
    :param knows_attempts: whether the SDK will say when it has prepared a request. If not, one is assumed to be sent
        at once, and another one after each wait.
    """

    __slots__ = ("_answer", "_knows_attempts", "_reader", "_sdk", "_streamed", "owner", "run")

    def __init__(
        self, owner: object, sdk: ModuleType, asked: Asked, audience: Audience, *, knows_attempts: bool
    ) -> None:
        self.owner = owner
        self.run = InferenceRun(
            audience.to,
            model=asked.model,
            provider=asked.provider,
            operation=asked.operation,
            streamed=asked.streamed,
            tallies=audience.tallies,
        )
        self._sdk = sdk
        self._streamed = asked.streamed
        self._knows_attempts = knows_attempts
        self._reader = AnswerReader(self.run, asked.choices, audience.surprised)
        self._answer = PendingAnswer(self.run, self._reader)

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
        self.run.attempt_failed(_failure(status, sys.exc_info()[1]), status, will_retry=True)

    def slept(self) -> None:
        """Hear that the wait is over."""
        if not self._knows_attempts:
            self.run.attempt_started()

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
                if response is not None and (self._streamed or not response.is_closed):
                    follow_response(answer, self._answer, streams)
                    return answer
                self._reader.raw(answer if response is None else response)
        except Exception:  # noqa: BLE001 - the host must not notice
            self._reader.surprise()
        self._answer.end("ok")
        return answer

    def failed(self, error: BaseException) -> None:
        """End the run with what the caller gets to see."""
        run = self.run
        if isinstance(error, self._sdk.LengthFinishReasonError):  # an answer that came, but cut, so it was not parsed
            self._reader.whole(getattr(error, "completion", None))
        sent = run.is_trying or (not run.attempt_count and isinstance(error, self._sdk.APIError))
        try:
            if sent and isinstance(error, Exception):
                run.attempt_failed(type(error).__name__, status_of(error), will_retry=False)
        finally:
            self._answer.failed(error)


def status_of(thing: Any) -> int | None:
    """Give the HTTP status of a response, or of an exception that has one."""
    status = getattr(thing, "status_code", None)
    return status if isinstance(status, int) else None


def _failure(status: int | None, error: BaseException | None) -> str:
    if status is not None:
        return _STATUS_ERRORS.get(status) or ("InternalServerError" if status >= 500 else "APIStatusError")  # noqa: PLR2004
    timed_out = any(each.__name__ == "TimeoutException" for each in type(error).__mro__)  # of httpx2, or of httpx
    return "APITimeoutError" if timed_out else "APIConnectionError"

"""One request of the Google GenAI SDK that is an inference: what happens to it, and how its answer ends."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from polymeter.sources.google_genai_answers import AnswerReader
from polymeter.sources.google_genai_retries import will_retry
from polymeter.sources.lifecycle import InferenceRun
from polymeter.sources.pending import PendingAnswer

if TYPE_CHECKING:
    from polymeter.sources.google_genai_asked import Asked
    from polymeter.sources.installs import Audience

__all__ = ["Call", "current_call"]


class Call:
    """One call of ``request``, or of one of its like, that is an inference.

    :param owner: whose wrappers may tell about it.
    :param asynchronous: whether it is awaited.
    :ivar answer: ends the run when the answer ends.
    """

    __slots__ = ("_asked", "_asynchronous", "_audience", "_client", "_sessions", "_tries", "answer", "owner", "run")

    def __init__(
        self, owner: object, client: Any, asked: Asked, audience: Audience, *, streamed: bool, asynchronous: bool
    ) -> None:
        self.owner = owner
        self.run = run = InferenceRun(
            audience.to,
            model=asked.model,
            provider=asked.provider,
            operation=asked.operation,
            streamed=streamed,
            tallies=audience.tallies,
        )
        run.input_count = asked.input_count
        run.server_address = asked.server_address
        self.answer = PendingAnswer(run, AnswerReader(run, asked.choices, audience.surprised))
        self._client = client
        self._asked = asked
        self._audience = audience
        self._asynchronous = asynchronous
        self._tries = 0
        self._sessions = 0

    def begin(self) -> None:
        """Tell that it began."""
        self.run.start()

    def sending(self) -> None:
        """Hear that a request is about to be sent."""
        self._tries += 1
        self._sessions = 0
        self.run.attempt_started()

    def session_wanted(self, failure: BaseException | None) -> None:
        """Hear that a session of aiohttp is asked for, as is done before each request that goes through one.

        The second time within one try the SDK repeats the request by itself, after a broken connection and a wait.

        :param failure: what is being handled where it is asked for.
        """
        self._sessions += 1
        if self._sessions > 1:
            name = None if failure is None else type(failure).__name__
            self.run.attempt_failed(name, None, will_retry=True)
            self.run.attempt_started()

    def sent(self, response: Any) -> None:
        """Hear that the request was answered."""
        status = getattr(response, "status_code", None)
        self.run.attempt_succeeded(status if isinstance(status, int) else None)

    def not_sent(self, error: Exception) -> None:
        """Hear that the request failed, or was refused."""
        options = self._asked.http_options
        again = False
        try:
            again = will_retry(self._client, options, self._tries, error, asynchronous=self._asynchronous)
        except Exception:  # noqa: BLE001 - the host must not notice
            self._audience.surprised()
        status = getattr(error, "code", None)
        self.run.attempt_failed(type(error).__name__, status if isinstance(status, int) else None, will_retry=again)

    def was_sent(self) -> None:
        """Hear that an answer came, so at least one request was sent, even if nobody told."""
        if not self.run.attempt_count:
            self.run.attempt_succeeded()

    def answered(self, answer: Any) -> None:
        """End the run with an answer in one piece."""
        try:
            self.was_sent()
        except BaseException as error:  # a dispatcher that was asked to raise
            self.answer.failed(error)
            raise
        self.answer.reader.whole(answer)
        self.answer.end("ok")

    def failed(self, error: BaseException) -> None:
        """End the run with what the caller gets to see."""
        self.answer.failed(error)


current_call: Final[ContextVar[Call | None]] = ContextVar("polymeter_google_genai_call", default=None)
"""The call that something happens in."""

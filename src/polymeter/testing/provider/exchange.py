"""One request and its answer: a step is played on the line, and its end put on record."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from polymeter.testing.provider.answer import Answer
from polymeter.testing.provider.faults import Disconnect, Hang, Refusal, ServerError
from polymeter.testing.provider.script import Reply
from polymeter.testing.provider.wire import LineClosedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.testing.provider.formats.base import Format, Json
    from polymeter.testing.provider.request import Log, Outcome, Request
    from polymeter.testing.provider.script import Step
    from polymeter.testing.provider.tokens import Tokens
    from polymeter.testing.provider.wire import Line

__all__ = ["Exchange"]


class Exchange:
    """Plays one step for one request.

    An end is recorded just before the client can know of it, so what a client has read is on record already.
    """

    def __init__(self, request: Request, form: Format, line: Line, log: Log) -> None:
        self._request = request
        self._form = form
        self._line = line
        self._log = log

    def run(self, choose: Callable[[Request], Step]) -> None:
        """Play the step that ``choose`` gives. Never raises: what fails in here is put on record."""
        try:
            self._play(choose(self._request))
        except LineClosedError:
            self._break_off("server_closed" if self._line.closing else "client_closed")
        except Exception as failure:  # noqa: BLE001 -- a thread has nobody to raise to
            if self._line.closing:
                self._break_off("server_closed")
            else:
                self._fail(failure)

    def _play(self, step: Step) -> None:
        self._line.pause(step.respond_after)
        match step:
            case Reply() if self._request.stream:
                self._stream(step)
            case Reply():
                answer = Answer.to(self._request, step, self._form)
                self._send("answered", 200, self._form.whole(answer), step, usage=answer.usage)
            case Refusal():
                self._send("answered", step.status, self._form.error(step), step)
            case Hang():
                if step.seconds is None:
                    self._line.wait()
                else:
                    self._line.pause(step.seconds)
                self._break_off("dropped")
            case Disconnect():
                self._break_off("dropped")
            case _:
                message = f"{step!r} does not say what happens: give a Reply or one of the faults"
                raise TypeError(message)

    def _stream(self, reply: Reply) -> None:
        answer = Answer.to(self._request, reply, self._form)
        stream = self._form.stream(answer)
        self._request = replace(self._request, status=200)
        kind = {"content-type": "text/event-stream; charset=utf-8"}
        self._line.begin(200, {**kind, **self._form.headers(self._request), **reply.headers})
        self._line.pause(reply.first_chunk_after)
        self._line.send(stream.opening)
        for place, piece in enumerate(stream.pieces[: reply.drop_after_chunks]):
            self._line.pause(reply.chunk_every if place else reply.first_content_after)
            self._line.send(piece)
            self._request = replace(self._request, chunks=place + 1)
        self._line.check()
        if reply.drop_after_chunks is not None:
            self._break_off("dropped")
        else:
            self._end("answered", answer.usage)
            self._line.end(stream.closing)

    def _send(self, outcome: Outcome, status: int, body: Json, step: Step, *, usage: Tokens | None = None) -> None:
        data = json.dumps(body).encode()
        refusal = step if isinstance(step, Refusal) else None
        kind = {"content-type": "application/json"}
        headers = {**kind, **self._form.headers(self._request, refusal), **step.headers}
        self._request = replace(self._request, status=status)
        self._end(outcome, usage)
        self._line.answer(status, headers, data)

    def _fail(self, failure: Exception) -> None:
        self._log.failures.append(failure)
        if self._request.status is not None:
            self._break_off("failed")
            return
        problem = ServerError(message=f"The test provider failed ({type(failure).__name__}): see its failures.")
        with suppress(LineClosedError):
            self._send("failed", problem.status, self._form.error(problem), problem)

    def _break_off(self, outcome: Outcome) -> None:
        self._end(outcome)
        self._line.hang_up()

    def _end(self, outcome: Outcome, usage: Tokens | None = None) -> None:
        self._request = replace(self._request, outcome=outcome, usage=usage)
        self._log.close(self._request)

"""What the Responses API says about a run: one object with a status, or typed events around it."""

from __future__ import annotations

from typing import Any, Final

from polymeter.events.usage import Usage
from polymeter.sources.openai_answers import AnswerReader, part, text

__all__ = ["ResponseFailedError", "ResponsesReader"]

_BEGINS: Final = frozenset({"response.created", "response.queued", "response.in_progress"})
_ENDS: Final = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})


class ResponseFailedError(Exception):
    """Stands for a failure that a response reports about itself, for which the SDK raises nothing. Never raised."""


class ResponsesReader(AnswerReader):
    """Reads usage, finish reason and model of responses; never raises.

    A response has a status instead of a finish reason; if it is ``incomplete``, the reason for that says more. These
    words are the provider's own: ``completed``, ``max_output_tokens``, ``content_filter``, ``failed``, ``queued``, ...
    """

    __slots__ = ()

    def chunk(self, chunk: Any, /) -> bool:
        """Read an event of a stream; tell whether it has content."""
        try:
            kind: str = chunk.type
            if kind.endswith(".delta"):
                return bool(chunk.delta)
            if kind in _ENDS:
                self._response(chunk.response, chunk.response.status or kind.removeprefix("response."))
            elif kind in _BEGINS:
                self._run.response_model = self._run.response_model or text(chunk.response.model)
            elif kind == "error":
                self.failure = ResponseFailedError()
            else:
                return kind.endswith(".partial_image")
        except Exception:  # noqa: BLE001 - the host must not notice
            self.surprise()
        return False

    def whole(self, answer: Any, /) -> None:
        """Read a response."""
        try:
            self._response(answer, part(answer, "status"))
        except Exception:  # noqa: BLE001 - the host must not notice
            self.surprise()

    def _response(self, response: Any, status: Any) -> None:
        self._run.response_model = text(part(response, "model")) or self._run.response_model
        if status == "failed":
            self.failure = ResponseFailedError()
            self._reason = "failed"  # kept until the end: with a finish reason an answer would count as whole
        else:
            self._run.finish_reason = text(part(part(response, "incomplete_details"), "reason")) or text(status)
        self._usage(part(response, "usage"))

    def _usage(self, usage: Any) -> None:
        read, written = part(usage, "input_tokens"), part(usage, "output_tokens")
        if read is None and written is None:
            return
        details, more = part(usage, "input_tokens_details"), part(usage, "output_tokens_details")
        self._run.usage(
            Usage.from_inclusive(
                input=read or 0,
                output=written or 0,
                cache_read=part(details, "cached_tokens") or 0,
                cache_write=part(details, "cache_write_tokens") or 0,
                reasoning=part(more, "reasoning_tokens") or 0,
            )
        )

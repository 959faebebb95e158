"""What the answers of the OpenAI SDK say about a run. Their shapes are the provider's: nothing here may trust them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from polymeter.events.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.sources.lifecycle import InferenceRun

__all__ = ["AnswerReader"]


class AnswerReader:
    """Reads usage, finish reason and model from what the SDK gives; never raises.

    :param run: is told.
    :param choices: how many answers were asked for (``n``); a stream is whole when all of them have a finish reason.
    :param surprised: called, once per run, when something has a shape that cannot be read.
    """

    __slots__ = ("_reason", "_run", "_surprised", "_unfinished")

    def __init__(self, run: InferenceRun, choices: int, surprised: Callable[[], None]) -> None:
        self._run = run
        self._unfinished = choices
        self._surprised: Callable[[], None] | None = surprised
        self._reason: str | None = None

    def chunk(self, chunk: Any, /) -> None:
        """Read a chunk of a stream."""
        try:
            if chunk.usage is not None:
                self._usage(chunk.usage)
            for choice in chunk.choices or ():
                if choice.finish_reason is not None:
                    self._finished(choice)
            if self._run.response_model is None:
                self._run.response_model = _text(chunk.model)
        except Exception:  # noqa: BLE001 - the host must not notice
            self.surprise()

    def raw(self, response: Any, /) -> None:
        """Read an answer that the SDK did not parse: the JSON, or an HTTP response whose body is there."""
        try:
            body = json.loads(response.content) if hasattr(response, "is_stream_consumed") else response
        except Exception:  # noqa: BLE001 - the host must not notice
            self.surprise()
        else:
            self.whole(body)

    def whole(self, answer: Any, /) -> None:
        """Read an answer: a model of the SDK, or its JSON."""
        try:
            self._usage(_part(answer, "usage"))
            self._run.response_model = _text(_part(answer, "model"))
            choices = _part(answer, "choices")
            if choices:
                self._run.finish_reason = _text(_part(choices[0], "finish_reason"))
        except Exception:  # noqa: BLE001 - the host must not notice
            self.surprise()

    def settle(self) -> None:
        """Keep the finish reason of a stream that ended before all of its answers had one."""
        if self._run.finish_reason is None:
            self._run.finish_reason = self._reason

    def surprise(self) -> None:
        """Count that something could not be read."""
        surprised, self._surprised = self._surprised, None
        if surprised is not None:
            surprised()

    def _finished(self, choice: Any) -> None:
        if self._reason is None or choice.index == 0:
            self._reason = _text(choice.finish_reason)
        self._unfinished -= 1
        if self._unfinished <= 0:
            self._run.finish_reason = self._reason

    def _usage(self, usage: Any) -> None:
        read = _part(usage, "prompt_tokens")
        written = _part(usage, "completion_tokens")
        if read is None and written is None:
            return  # no report: no usage at all, or one with nothing in it
        prompt, completion = _part(usage, "prompt_tokens_details"), _part(usage, "completion_tokens_details")
        self._run.usage(
            Usage.from_inclusive(
                input=read or 0,
                output=written or 0,  # embeddings write nothing and do not say so
                cache_read=_part(prompt, "cached_tokens") or 0,
                cache_write=_part(prompt, "cache_write_tokens") or 0,
                reasoning=_part(completion, "reasoning_tokens") or 0,
            )
        )


def _part(thing: Any, name: str) -> Any:
    return cast("dict[str, Any]", thing).get(name) if isinstance(thing, dict) else getattr(thing, name, None)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None

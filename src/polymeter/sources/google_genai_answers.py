"""What the answers of Gemini say about a run. They come as JSON: the SDK makes its models of them later."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from polymeter.events.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.sources.lifecycle import InferenceRun

__all__ = ["AnswerReader"]

# Fields of a part that are no output by themselves. All others are: calls, code, data, files and what comes to it.
_BESIDE: Final = frozenset({"text", "thought", "thoughtSignature", "partMetadata", "videoMetadata", "mediaResolution"})
_UNSAID: Final = frozenset({"FINISH_REASON_UNSPECIFIED", "BLOCKED_REASON_UNSPECIFIED"})

# Embeddings are thousands of numbers; to read all of them for two would take the host's time. They have no texts.
_VECTOR: Final = re.compile(r'"values"\s*:\s*\[([^\]]*)')
_TOTAL: Final = re.compile(r'"promptTokenCount"\s*:\s*(\d+)')
_EACH: Final = re.compile(r'"token_count"\s*:\s*(\d+)')  # Vertex AI: of each prediction


class AnswerReader:
    """Reads usage, finish reason and model; never raises.

    :param run: is told.
    :param choices: how many candidates were asked for; a stream is whole when all of them have a finish reason.
    :param surprised: called, once per run, when something has a shape that cannot be read.
    """

    __slots__ = ("_finished", "_reason", "_run", "_surprised", "_unfinished")

    def __init__(self, run: InferenceRun, choices: int, surprised: Callable[[], None]) -> None:
        self._run = run
        self._unfinished = choices
        self._finished: set[int] = set()
        self._reason: str | None = None
        self._surprised: Callable[[], None] | None = surprised

    def chunk(self, chunk: Any, /) -> bool:
        """Read one response of a stream; tell whether it has content."""
        try:
            return self._response(json.loads(chunk.body)) if chunk.body else False
        except Exception:  # noqa: BLE001 - the host must not notice
            self.surprise()
            return False

    def whole(self, answer: Any, /) -> None:
        """Read an answer."""
        try:
            if not answer.body:
                return
            if self._run.input_count is None:
                self._response(json.loads(answer.body))
                self.settle()
            else:
                self._embeddings(answer.body)
        except Exception:  # noqa: BLE001 - the host must not notice
            self.surprise()

    def settle(self) -> None:
        """Keep the finish reason of an answer that ended before all candidates had one."""
        if self._run.finish_reason is None:
            self._run.finish_reason = self._reason

    def surprise(self) -> None:
        """Count that something could not be read."""
        surprised, self._surprised = self._surprised, None
        if surprised is not None:
            surprised()

    def _response(self, response: dict[str, Any]) -> bool:
        usage = response.get("usageMetadata")
        if usage:
            self._usage(usage)
        if self._run.response_model is None:
            model = response.get("modelVersion")
            self._run.response_model = model if isinstance(model, str) and model else None
        content = False
        candidates = response.get("candidates") or ()
        for candidate in candidates:
            content = _has_content(candidate) or content
            reason = candidate.get("finishReason")
            if reason and reason not in _UNSAID:
                self._candidate_finished(candidate.get("index") or 0, reason.lower())
        if not candidates:
            self._blocked(response.get("promptFeedback"))
        return content

    def _candidate_finished(self, index: int, reason: str) -> None:
        if self._reason is None or index == 0:
            self._reason = reason
        self._finished.add(index)
        if len(self._finished) >= self._unfinished:
            self._run.finish_reason = self._reason

    def _blocked(self, feedback: dict[str, Any] | None) -> None:
        """Read why the prompt is not answered at all. Nothing follows that."""
        reason = feedback.get("blockReason") if feedback else None
        if reason:
            self._run.finish_reason = self._reason = reason.lower()

    def _usage(self, usage: dict[str, Any]) -> None:
        # Each chunk of a stream has the totals so far, and the first ones only those of the prompt.
        prompt, written = usage.get("promptTokenCount"), usage.get("candidatesTokenCount")
        thought = usage.get("thoughtsTokenCount") or 0
        if prompt is None and written is None and not thought:
            return
        read = (prompt or 0) + (usage.get("toolUsePromptTokenCount") or 0)
        written = written or 0
        # The total is the sum of all four; where it is not, the candidates are counted with their thoughts.
        if not thought or read + written != usage.get("totalTokenCount"):
            written += thought
        self._run.usage(
            Usage.from_inclusive(
                input=read,
                output=written,
                cache_read=usage.get("cachedContentTokenCount") or 0,
                reasoning=thought,
            )
        )

    def _embeddings(self, body: str) -> None:
        vector = _VECTOR.search(body)
        if vector is not None and vector[1].strip():
            self._run.dimensions = vector[1].count(",") + 1
        total = _TOTAL.search(body)
        tokens = [total[1]] if total else _EACH.findall(body)
        if tokens:
            self._run.usage(Usage(input=sum(map(int, tokens))))


def _has_content(candidate: dict[str, Any]) -> bool:
    content = candidate.get("content")
    parts = content.get("parts") if content else None
    return any(part.get("text") or not part.keys() <= _BESIDE for part in parts or ())

"""What the answers of the Anthropic SDK say about a run. Their shapes are the provider's: nothing here may trust them.

An answer is a model of the SDK, or its JSON, which is read in the same way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self, cast

from polymeter.events.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.sources.lifecycle import InferenceRun

__all__ = ["AnthropicReader", "MessageFailedError"]

# The field that may be empty, of parts that begin so. All other parts of an answer (a signature, a citation, the call
# of a tool, its result, a redacted thought) are content.
_FIELDS: Final = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "input_json_delta": "partial_json",
    "text": "text",
    "thinking": "thinking",
}
_COUNTS: Final = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


class MessageFailedError(Exception):
    """Stands for an error in a stream that is read as text, where the SDK raises nothing. Never raised."""


class AnthropicReader:
    """Reads usage, finish reason and model of messages; never raises.

    :param run: is told.
    :param surprised: called, once per run, when something has a shape that cannot be read.
    :ivar failure: stands for what went wrong by the provider's own word, if the SDK raises nothing for it.
    """

    __slots__ = ("_counts", "_run", "_surprised", "failure")

    def __init__(self, run: InferenceRun, surprised: Callable[[], None]) -> None:
        self._run = run
        self._surprised: Callable[[], None] | None = surprised
        self._counts: dict[str, int] = {}
        self.failure: Exception | None = None

    @classmethod
    def of(cls, run: InferenceRun, _asked: object, surprised: Callable[[], None]) -> Self:
        """Make one for a call."""
        return cls(run, surprised)

    def chunk(self, chunk: Any, /) -> bool:
        """Read an event of a stream; tell whether it has content."""
        try:
            match _part(chunk, "type"):
                case "content_block_delta":
                    return _has_content(_part(chunk, "delta"))
                case "content_block_start":
                    return _has_content(_part(chunk, "content_block"))
                case "message_start":
                    self._message(_part(chunk, "message"))
                case "message_delta":
                    self._reason(_part(chunk, "delta"))
                    self._usage(_part(chunk, "usage"))
                case "error":
                    self.failure = MessageFailedError()
                case "completion":
                    self._message(chunk)
                    return bool(_part(chunk, "completion"))
                case _:
                    pass
        except Exception:  # noqa: BLE001 - the host must not notice
            self.surprise()
        return False

    def whole(self, answer: Any, /) -> None:
        """Read an answer: a model of the SDK, or its JSON."""
        try:
            self._message(answer)
        except Exception:  # noqa: BLE001 - the host must not notice
            self.surprise()

    def settle(self) -> None:
        """Do nothing: the run knows everything already."""

    def surprise(self) -> None:
        """Count that something could not be read."""
        surprised, self._surprised = self._surprised, None
        if surprised is not None:
            surprised()

    def _message(self, message: Any) -> None:
        self._run.response_model = _text(_part(message, "model")) or self._run.response_model
        self._reason(message)
        self._usage(_part(message, "usage"))

    def _reason(self, part: Any) -> None:
        self._run.finish_reason = _text(_part(part, "stop_reason")) or self._run.finish_reason

    def _usage(self, usage: Any) -> None:
        """Take over the counts: each is a total so far, so the last one counts; a missing one stays as it was."""
        if usage is None:
            return
        counts = self._counts
        for name in _COUNTS:
            count = _part(usage, name)
            if count is not None:
                counts[name] = count
        thought = _part(_part(usage, "output_tokens_details"), "thinking_tokens")
        if thought is not None:
            counts["thinking_tokens"] = thought
        # What summing up a long conversation took is billed too, and the only part that the totals leave out.
        made_room = [each for each in _part(usage, "iterations") or () if _part(each, "type") == "compaction"]
        more = {name: sum(_part(each, name) or 0 for each in made_room) for name in _COUNTS}
        if not counts:
            return  # no report: one with nothing in it
        reasoning = counts.get("thinking_tokens", 0)
        written = Usage.from_inclusive(input=0, output=counts.get("output_tokens", 0), reasoning=reasoning)
        self._run.usage(
            Usage(
                input=counts.get("input_tokens", 0) + more["input_tokens"],  # without those of the cache
                cache_read=counts.get("cache_read_input_tokens", 0) + more["cache_read_input_tokens"],
                cache_write=counts.get("cache_creation_input_tokens", 0) + more["cache_creation_input_tokens"],
                output=written.output + more["output_tokens"],
                reasoning=written.reasoning,
            )
        )


def _has_content(part: Any) -> bool:
    field = _FIELDS.get(_part(part, "type"))
    return part is not None and (field is None or bool(_part(part, field)))


def _part(thing: Any, name: str) -> Any:
    return cast("dict[str, Any]", thing).get(name) if isinstance(thing, dict) else getattr(thing, name, None)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None

"""What a format is: how one provider writes down what happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polymeter.testing.provider.answer import Answer
    from polymeter.testing.provider.faults import Refusal
    from polymeter.testing.provider.request import Request

__all__ = ["Format", "Json", "Streamed"]

Json: TypeAlias = dict[str, Any]
"""An object as JSON has them."""


class Streamed(NamedTuple):
    """A stream in three parts, so that a script can pace it and break it off without knowing its format."""

    opening: bytes
    pieces: list[bytes]
    closing: bytes


class Format:
    """Reads what requests of one kind ask for, and writes the answers and errors to them. Keeps no state."""

    method: ClassVar[str] = "POST"
    path: ClassVar[str]
    prompt: ClassVar[str] = ""
    """The field of the body that holds what the model reads."""
    generates: ClassVar[bool] = True
    """Whether an answer has content of its own, and so output tokens and streams."""
    scripted: ClassVar[bool] = True
    """Whether requests take steps from the script."""

    def matches(self, path: str) -> bool:
        """Say whether requests to ``path`` are of this format."""
        return path == self.path

    def model(self, path: str, body: Mapping[str, Any]) -> str:  # noqa: ARG002 -- some formats name it in the path
        """Give the requested model."""
        model = body.get("model")
        return model if isinstance(model, str) else "unknown"

    def streams(self, path: str, body: Mapping[str, Any]) -> bool:  # noqa: ARG002 -- some formats say so in the path
        """Say whether a stream is asked for."""
        return self.generates and body.get("stream") is True

    def wants_usage(self, request: Request) -> bool:  # noqa: ARG002 -- most report it unasked
        """Say whether the answer to ``request`` is to report tokens."""
        return True

    def headers(self, request: Request, refusal: Refusal | None = None) -> dict[str, str]:
        """Give the headers of an answer, but for those that HTTP itself needs."""
        raise NotImplementedError

    def error(self, refusal: Refusal) -> Json:
        """Write the body of an error."""
        raise NotImplementedError

    def whole(self, answer: Answer) -> Json:
        """Write the body of an answer that is not a stream."""
        raise NotImplementedError

    def stream(self, answer: Answer) -> Streamed:
        """Write an answer as a stream, each tool call as one more piece."""
        raise NotImplementedError

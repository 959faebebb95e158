"""What a request of the OpenAI SDK asks for, read from its options before it is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from polymeter.sources.stainless import Asked, body_of, host_of

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["OpenAIAsked", "asked_of"]

# By the last word of the path. What is below one of these (/responses/ID, /chat/completions/ID) is no inference.
_OPERATIONS: Final = {
    "completions": "text_completion",  # and those below /chat
    "responses": "chat",
    "embeddings": "embeddings",
}


@dataclass(slots=True)
class OpenAIAsked(Asked):
    """What a call asks for.

    :ivar choices: how many answers.
    :ivar responds: whether it is asked in the way of the Responses API.
    :ivar input_count: of embeddings: how many inputs.
    """

    choices: int
    responds: bool
    input_count: int | None


def asked_of(sdk: ModuleType, client: Any, options: Any, streamed: bool) -> OpenAIAsked | None:  # noqa: FBT001 - as of a Dialect
    """Read the options of a request; ``None`` if it is no inference."""
    path = options.url.partition("?")[0].rstrip("/")  # some clients add a deployment in front
    above, _, last = path.rpartition("/")
    operation = _OPERATIONS.get(last)
    if operation is None or options.method.lower() != "post":
        return None
    if last == "completions" and above.endswith("chat"):
        operation = "chat"
    body = body_of(options)
    model = body.get("model")
    return OpenAIAsked(
        model=model if isinstance(model, str) else "unknown",
        provider="azure.ai.openai" if isinstance(client, (sdk.AzureOpenAI, sdk.AsyncAzureOpenAI)) else "openai",
        operation=operation,
        streamed=streamed,
        choices=_choices(body, operation),
        responds=last == "responses",
        input_count=_count(body.get("input")) if operation == "embeddings" else None,
        server_address=host_of(client, options.url),
    )


def _choices(body: Mapping[str, Any], operation: str) -> int:
    asked = body.get("n")
    each = asked if isinstance(asked, int) else 1
    return each * (_count(body.get("prompt")) or 1) if operation == "text_completion" else each


def _count(inputs: object) -> int | None:
    """Count texts; a list of numbers is one text, already in tokens."""
    if isinstance(inputs, str):
        return 1
    if not isinstance(inputs, Sequence) or not inputs:
        return None
    each = cast("Sequence[object]", inputs)
    return 1 if isinstance(each[0], int) else len(each)

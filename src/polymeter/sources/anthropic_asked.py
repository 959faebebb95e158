"""What a request of the Anthropic SDK asks for, read from its options before it is sent."""

from __future__ import annotations

from typing import Any, Final

from polymeter.sources.stainless import Asked, body_of, host_of

__all__ = ["asked_of"]

# By how the path ends. What is below one of these (/messages/count_tokens, /messages/batches) is no inference.
_OPERATIONS: Final = {
    "/v1/messages": "chat",
    "/v1/complete": "text_completion",  # of releases before 1.0
}

# By the class of the client, or one that it derives from; its asynchronous twin has one word more in front. All others
# speak with a service of Anthropic, wherever it runs.
_PLATFORMS: Final = {
    "AnthropicBedrock": "aws.bedrock",
    "AnthropicBedrockMantle": "aws.bedrock",
    "AnthropicVertex": "gcp.vertex_ai",
}


def asked_of(client: Any, options: Any, streamed: bool) -> Asked | None:  # noqa: FBT001 - a function of a Dialect
    """Read the options of a request; ``None`` if it is no inference."""
    path = options.url.partition("?")[0].rstrip("/")
    operation = next((_OPERATIONS[end] for end in _OPERATIONS if path.endswith(end)), None)
    if operation is None or options.method.lower() != "post":
        return None
    model = body_of(options).get("model")
    return Asked(
        model=model if isinstance(model, str) else "unknown",
        provider=_provider(client),
        operation=operation,
        streamed=streamed,
        server_address=host_of(client, options.url),
    )


def _provider(client: object) -> str:
    names = [each.__name__.removeprefix("Async") for each in type(client).__mro__]
    return next((_PLATFORMS[name] for name in names if name in _PLATFORMS), "anthropic")

"""What a request of the OpenAI SDK asks for, read from its options before it is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self, cast
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["Asked"]

# By the last word of the path. What is below one of these (/responses/ID, /chat/completions/ID) is no inference.
_OPERATIONS: Final = {
    "completions": "text_completion",  # and those below /chat
    "responses": "chat",
    "embeddings": "embeddings",
}


@dataclass(slots=True)
class Asked:
    """What a call asks for. Nobody changes it; to be frozen would triple the cost of making it.

    :ivar choices: how many answers.
    :ivar responds: whether it is asked in the way of the Responses API.
    :ivar input_count: of embeddings: how many inputs.
    :ivar server_address: the host; neither port nor path, which may say whose it is.
    """

    model: str
    provider: str
    operation: str
    streamed: bool
    choices: int
    responds: bool
    input_count: int | None
    server_address: str | None

    @classmethod
    def of(cls, sdk: ModuleType, client: Any, options: Any, *, streamed: bool) -> Self | None:
        """Read the options of a request; ``None`` if it is no inference."""
        path = options.url.partition("?")[0].rstrip("/")  # some clients add a deployment in front
        above, _, last = path.rpartition("/")
        operation = _OPERATIONS.get(last)
        if operation is None or options.method.lower() != "post":
            return None
        if last == "completions" and above.endswith("chat"):
            operation = "chat"
        body = _body(options)
        model = body.get("model")
        return cls(
            model=model if isinstance(model, str) else "unknown",
            provider="azure.ai.openai" if isinstance(client, (sdk.AzureOpenAI, sdk.AsyncAzureOpenAI)) else "openai",
            operation=operation,
            streamed=streamed,
            choices=_choices(body, operation),
            responds=last == "responses",
            input_count=_count(body.get("input")) if operation == "embeddings" else None,
            server_address=_host(client, options.url),
        )


def _body(options: Any) -> Mapping[str, Any]:
    asked, more = options.json_data, getattr(options, "extra_json", None)
    body = cast("Mapping[str, Any]", asked if isinstance(asked, Mapping) else {})
    return {**body, **cast("Mapping[str, Any]", more)} if isinstance(more, Mapping) else body  # that wins on the wire


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


def _host(client: Any, url: str) -> str | None:
    host = urlsplit(url).hostname if "://" in url else getattr(client.base_url, "host", None)
    return host if isinstance(host, str) and host else None

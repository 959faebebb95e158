"""What a request of the Google GenAI SDK asks for, read from the arguments of its client's one method for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self, cast
from urllib.parse import urlsplit

__all__ = ["Asked"]

_PARAMETERS: Final = ("http_method", "path", "request_dict", "http_options")

# By the last word of the path. Counting tokens, batches, files and the like are no inference.
_OPERATIONS: Final = {
    "generateContent": "generate_content",
    "streamGenerateContent": "generate_content",
    "embedContent": "embeddings",
    "batchEmbedContents": "embeddings",
    "predict": "embeddings",  # of Vertex AI; images are predicted, too
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call asks for.

    :ivar model: as the path names it, without what stands before it.
    :ivar choices: how many candidates.
    :ivar input_count: of embeddings: how many contents.
    :ivar server_address: the host; neither port nor path, which may say whose it is.
    :ivar http_options: those of this one request: a model of the SDK, or a ``dict``.
    """

    model: str
    provider: str
    operation: str
    choices: int
    input_count: int | None
    server_address: str | None
    http_options: Any

    @classmethod
    def of(cls, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Self | None:
        """Read the arguments of a request; ``None`` if it is no inference."""
        given = dict(zip(_PARAMETERS, args, strict=False)) | kwargs
        path = given["path"].partition("?")[0]
        named, _, action = path.rpartition(":")
        operation = _OPERATIONS.get(action)
        if operation is None or given["http_method"].lower() != "post":
            return None
        body: Mapping[str, Any] = given["request_dict"]
        input_count = _inputs(body, action) if operation == "embeddings" else None
        if action == "predict" and input_count is None:
            return None
        options = given.get("http_options")
        return cls(
            model=named.rpartition("/")[2] or "unknown",
            provider="gcp.vertex_ai" if client.vertexai else "gcp.gemini",
            operation=operation,
            choices=_choices(body),
            input_count=input_count,
            server_address=_host(client, options),
            http_options=options,
        )


def _choices(body: Mapping[str, Any]) -> int:
    config = body.get("generationConfig")
    asked = cast("Mapping[str, Any]", config).get("candidateCount") if isinstance(config, Mapping) else None
    return asked if isinstance(asked, int) and asked > 0 else 1


def _inputs(body: Mapping[str, Any], action: str) -> int | None:
    if action == "embedContent":
        return 1
    items = body.get("instances" if action == "predict" else "requests")
    if not isinstance(items, Sequence) or not items:
        return None
    each = cast("Sequence[object]", items)
    if action == "predict" and not (isinstance(each[0], Mapping) and "content" in each[0]):
        return None  # an image
    return len(each)


def _host(client: Any, options: Any) -> str | None:
    own = cast("Mapping[str, Any]", options).get("base_url") if isinstance(options, Mapping) else options
    url = own if isinstance(own, str) else getattr(own, "base_url", None)
    if not url:
        url = getattr(getattr(client, "_http_options", None), "base_url", None)
    return urlsplit(url).hostname if isinstance(url, str) else None

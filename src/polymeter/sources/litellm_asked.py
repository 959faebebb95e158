"""What a call of LiteLLM asks for: the model and the provider behind its many ways to name them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self, cast

from polymeter.sources.litellm_answers import host_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

__all__ = ["Asked", "Reads"]

# LiteLLM's names of providers -> those of the OpenTelemetry GenAI conventions. Others are told as LiteLLM says them.
_PROVIDERS: Final = {
    "amazon_nova": "aws.bedrock",
    "anthropic_text": "anthropic",
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "azure_text": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "bedrock_converse": "aws.bedrock",
    "bedrock_mantle": "aws.bedrock",
    "codestral": "mistral_ai",
    "cohere_chat": "cohere",
    "custom_openai": "openai",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "openai_like": "openai",
    "text-completion-codestral": "mistral_ai",
    "text-completion-openai": "openai",
    "vertex_ai": "gcp.vertex_ai",
    "vertex_ai_beta": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "watsonx_text": "ibm.watsonx.ai",
    "xai": "x_ai",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call asks for.

    :ivar model: without the provider in front.
    :ivar choices: how many answers.
    :ivar input_count: of embeddings: how many inputs.
    :ivar server_address: the host, if the call names it.
    """

    model: str
    provider: str
    operation: str
    streamed: bool
    choices: int = 1
    input_count: int | None = None
    server_address: str | None = None

    @classmethod
    def of(cls, litellm: ModuleType, operation: str, given: Mapping[str, Any]) -> Self:
        """Read the arguments of a call, by name."""
        model, provider = _split(litellm, given.get("model"), given.get("custom_llm_provider"))
        embeds = operation == "embeddings"
        choices = given.get("n")
        return cls(
            model=model,
            provider=provider,
            operation=operation,
            streamed=bool(given.get("stream")) and not embeds,
            choices=choices if isinstance(choices, int) and choices > 0 else 1,
            input_count=_inputs(given.get("input")) if embeds else None,
            server_address=host_of(_base_of(given)),
        )


class Reads:
    """Reads what calls of one function ask for.

    :param function: its parameters say what arguments without a name are.
    """

    def __init__(self, litellm: ModuleType, operation: str, function: Callable[..., Any]) -> None:
        self._litellm = litellm
        self._operation = operation
        self._names = tuple(inspect.signature(function).parameters)

    def asked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked:
        """Read the arguments of a call."""
        return Asked.of(self._litellm, self._operation, {**dict(zip(self._names, args, strict=False)), **kwargs})


def _base_of(given: Mapping[str, Any]) -> str | None:
    """Give the URL that is asked, if the call says: that of its client, or its own."""
    base = getattr(given.get("client"), "base_url", None) or given.get("api_base") or given.get("base_url")
    return None if base is None else str(base)


def _split(litellm: ModuleType, named: object, given: object) -> tuple[str, str]:
    """Give model and provider.

    LiteLLM's own ``get_llm_provider`` may print, read keys and refuse; so only its tables are read.
    """
    if not isinstance(named, str) or not named:
        return "unknown", "unknown"
    first, slash, rest = named.partition("/")
    known = bool(slash) and first in litellm.provider_list
    model = rest if known and rest else named
    provider: object = given or (first if known else None)
    if provider is None:
        about = litellm.model_cost.get(named)
        provider = cast("dict[str, object]", about).get("litellm_provider") if isinstance(about, dict) else None
    if not isinstance(provider, str):
        provider = "openai" if named in litellm.open_ai_chat_completion_models else "unknown"
    if provider.startswith("vertex_ai-"):  # its table of models says which language they speak, too
        provider = "vertex_ai"
    return model, _PROVIDERS.get(provider, provider)


def _inputs(given: object) -> int | None:
    """Count the inputs of embeddings: one text, or a list of texts; one list of tokens, or a list of those."""
    if isinstance(given, str):
        return 1
    if isinstance(given, list) and given:
        several = cast("list[object]", given)
        return 1 if isinstance(several[0], int) else len(several)
    return None

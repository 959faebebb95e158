"""The list of models of OpenAI: ``GET /v1/models``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.testing.provider.formats.openai import OpenAIFormat

if TYPE_CHECKING:
    from polymeter.testing.provider.answer import Answer
    from polymeter.testing.provider.formats.base import Json
    from polymeter.testing.provider.request import Request

__all__ = ["Models"]


class Models(OpenAIFormat):
    """Two models to show; requests may name any other."""

    method = "GET"
    path = "/v1/models"
    generates = False
    scripted = False

    def wants_usage(self, request: Request) -> bool:  # noqa: ARG002
        """No model reads anything here."""
        return False

    def whole(self, answer: Answer) -> Json:
        """Write a list with one chat model and one embedding model."""
        names = ("gpt-4o-mini", "text-embedding-3-small")
        data = [{"id": name, "object": "model", "created": answer.created, "owned_by": "polymeter"} for name in names]
        return {"object": "list", "data": data}

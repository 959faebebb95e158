"""A reply made out to one request."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polymeter.testing.provider.tokens import Tokens, count_words

if TYPE_CHECKING:
    from polymeter.testing.provider.formats.base import Format
    from polymeter.testing.provider.request import Request
    from polymeter.testing.provider.script import Reply, ToolCall

__all__ = ["Answer"]

_WORD = re.compile(r"\s*\S+|\s+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Everything that a format has to write down.

    :param created: Unix seconds.
    :param pieces: the content; ``tool_calls`` come after it.
    :param usage: the tokens to report; ``None``: report none.
    """

    request: Request
    created: int
    model: str
    pieces: tuple[str, ...]
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str
    usage: Tokens | None

    @classmethod
    def to(cls, request: Request, reply: Reply, form: Format) -> Answer:
        """Fill in what ``reply`` leaves open, from the request alone: equal requests get equal answers."""
        read = count_words(request.body.get(form.prompt))
        if reply.chunks is not None:
            pieces = tuple(reply.chunks)
        elif reply.text is not None or reply.tool_calls:
            pieces = tuple(_WORD.findall(reply.text or ""))
        else:
            pieces = tuple(_WORD.findall(f"{request.model} has read {read} words and says so."))
        calls = tuple(reply.tool_calls)
        usage = reply.usage
        if usage == "counted":
            usage = Tokens(input=read, output=len(pieces) + len(calls) if form.generates else 0)
        reported = form.wants_usage(request) if reply.include_usage is None else reply.include_usage
        return cls(
            request=request,
            created=int(request.received_at),
            model=reply.response_model or request.model,
            pieces=pieces,
            tool_calls=calls,
            finish_reason=reply.finish_reason or ("tool_calls" if calls else "stop"),
            usage=usage if reported else None,
        )

    @property
    def text(self) -> str | None:
        """The whole content; ``None`` if there are tool calls instead."""
        return "".join(self.pieces) or (None if self.tool_calls else "")

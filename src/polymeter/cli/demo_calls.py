"""The kinds of calls that the demo makes: what the provider does to each, and how it is meant to end."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from polymeter.testing.provider import (
    BadRequest,
    Disconnect,
    Hang,
    RateLimited,
    Reply,
    ServerError,
    Tokens,
    Unauthorized,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random

    from polymeter.events.inference import Outcome
    from polymeter.testing.provider import Step

__all__ = ["CHAT", "EMBEDDING", "MODELS", "REASONING", "Call", "Deck", "Manner", "for_tasks", "for_threads"]

CHAT: Final = "gpt-5-mini"
REASONING: Final = "o4-mini"
EMBEDDING: Final = "embedding-3-small"
MODELS: Final = (CHAT, REASONING, EMBEDDING)
"""Names only: the provider on 127.0.0.1 answers to any."""

Manner: TypeAlias = Literal["embed", "ask", "read", "leave", "close", "drop", "ring", "cancel"]
"""How the caller goes about it.

``embed``, ``ask``: a call without a stream; ``read``: a stream to its end; ``leave``: closed once it has its finish
reason; ``close``: closed before; ``drop``: forgotten; ``ring``: forgotten in a reference cycle, for the garbage
collector to find; ``cancel``: its task is cancelled, as soon as the provider (not streamed) or the first chunk
(streamed) is there.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of the load.

    :ivar steps: what the provider does, attempt by attempt: so many requests will be sent.
    :ivar outcome: how it is meant to end.
    :ivar counted: whether a stream asks for its tokens.
    """

    model: str
    manner: Manner
    steps: tuple[Step, ...]
    outcome: Outcome = "ok"
    streamed: bool = False
    counted: bool = False

    @property
    def tokens(self) -> Tokens:
        """The tokens that the caller will be told of."""
        last = self.steps[-1]
        told = self.outcome == "ok" and (self.counted or not self.streamed)
        return last.usage if told and isinstance(last, Reply) and isinstance(last.usage, Tokens) else Tokens()


Kind: TypeAlias = "tuple[int, Callable[[Random], Call]]"
"""How many of a deck's calls are of this kind, and how to make one."""


class Deck:
    """Deals calls of all kinds in random order, so that a short load has each kind too; thread-safe."""

    def __init__(self, kinds: Iterable[Kind], rng: Random) -> None:
        self._makers = [make for weight, make in kinds for _ in range(weight)]
        self._rng = rng
        self._left: list[Callable[[Random], Call]] = []
        self._lock = threading.Lock()

    def deal(self) -> Call:
        """Give the next call."""
        with self._lock:
            if not self._left:
                self._left = self._rng.sample(self._makers, len(self._makers))
            return self._left.pop()(self._rng)


def for_threads() -> list[Kind]:
    """Give the kinds of calls that a thread can make."""
    return [
        (9, _ask),
        (8, _read_counted),
        (4, _read),
        (6, _embed),
        (2, _leave),
        (2, lambda rng: _after(_ask(rng), RateLimited(0.02))),
        (2, lambda rng: _after(_read_counted(rng), ServerError(retry_after=0.01))),
        (1, lambda rng: _after(_embed(rng), RateLimited(0.02), RateLimited(0.04))),
        (1, lambda rng: _failing(_ask(rng), Unauthorized())),
        (1, lambda rng: _failing(_read(rng), *[ServerError(retry_after=0.01)] * 3)),
        (1, lambda rng: _failing(_embed(rng), BadRequest())),
        (1, _broken_off),
        (2, lambda rng: _cut(rng, "close", "cancelled")),
        (1, lambda rng: _cut(rng, "drop", "abandoned")),
        (1, lambda rng: _cut(rng, "ring", "abandoned")),
    ]


def for_tasks() -> list[Kind]:
    """Give the kinds of calls that a task of an event loop can make: the same, and those that are cancelled."""
    return [
        *for_threads(),
        (1, lambda rng: _after(_ask(rng), Disconnect())),  # its client waits half a second before it tries again
        (2, lambda rng: _cancelled(rng, streamed=True)),
        (1, lambda rng: _cancelled(rng, streamed=False)),
    ]


# -- the kinds


def _ask(rng: Random) -> Call:
    model = _chat_model(rng)
    return Call(model=model, manner="ask", steps=(_reply(rng, model),))


def _read(rng: Random) -> Call:
    model = _chat_model(rng)
    return Call(model=model, manner="read", steps=(_reply(rng, model),), streamed=True)


def _read_counted(rng: Random) -> Call:
    model = _chat_model(rng)
    return Call(model=model, manner="read", steps=(_reply(rng, model),), streamed=True, counted=True)


def _leave(rng: Random) -> Call:
    model = _chat_model(rng)
    return Call(model=model, manner="leave", steps=(_reply(rng, model),), streamed=True)


def _embed(rng: Random) -> Call:
    reply = Reply(usage=Tokens(input=rng.randint(5, 400)), respond_after=_pace(rng, 0.004))
    return Call(model=EMBEDDING, manner="embed", steps=(reply,))


def _cut(rng: Random, manner: Manner, outcome: Outcome) -> Call:
    model = _chat_model(rng)
    return Call(model=model, manner=manner, steps=(_reply(rng, model),), outcome=outcome, streamed=True)


def _broken_off(rng: Random) -> Call:
    model = _chat_model(rng)
    reply = _reply(rng, model, drop_after_chunks=3)
    return Call(model=model, manner="read", steps=(reply,), outcome="error", streamed=True)


def _cancelled(rng: Random, *, streamed: bool) -> Call:
    # Nothing more comes after what the cancellation waits for, so it cannot come too late.
    step = Reply("never", first_content_after=60.0) if streamed else Hang()
    return Call(model=_chat_model(rng), manner="cancel", steps=(step,), outcome="cancelled", streamed=streamed)


# -- their parts


def _after(call: Call, *faults: Step) -> Call:
    """Let some attempts fail first; the client's own retries make up for it."""
    return Call(
        model=call.model,
        manner=call.manner,
        steps=(*faults, *call.steps),
        streamed=call.streamed,
        counted=call.counted,
    )


def _failing(call: Call, *faults: Step) -> Call:
    """Let every attempt fail."""
    return Call(model=call.model, manner=call.manner, steps=faults, outcome="error", streamed=call.streamed)


def _chat_model(rng: Random) -> str:
    return rng.choices((CHAT, REASONING), (2, 1))[0]


def _reply(rng: Random, model: str, drop_after_chunks: int | None = None) -> Reply:
    pieces = rng.randint(3, 7)
    thinks = model == REASONING
    usage = Tokens(
        input=rng.randint(20, 600),
        cache_read=rng.choice((0, 0, 256, 1024)),
        output=pieces * rng.randint(2, 6),
        reasoning=rng.randint(64, 512) if thinks else 0,
    )
    return Reply(
        chunks=["some words "] * pieces,
        usage=usage,
        respond_after=_pace(rng, 0.012 if thinks else 0.005),
        first_content_after=_pace(rng, 0.004),
        chunk_every=0.001,
        drop_after_chunks=drop_after_chunks,
    )


def _pace(rng: Random, typical: float) -> float:
    """Give a wait in seconds with a tail, as providers have it."""
    return min(typical * rng.lognormvariate(0.0, 0.7), typical * 20)

"""What the demo's load did, written down by the load itself and not by what measures it."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from polymeter.testing.provider import Refusal, Tokens

if TYPE_CHECKING:
    from polymeter.cli.demo_calls import Call
    from polymeter.events.inference import Outcome

__all__ = ["Ledger", "Page"]


@dataclass(slots=True)
class Page:
    """What was done with one model.

    :ivar requests: what these calls take, retries included.
    :ivar outcomes: how they were meant to end.
    :ivar refused: HTTP status -> requests that were meant to be answered with it.
    :ivar tokens: that their callers were to be told of.
    """

    calls: int = 0
    requests: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter["Outcome"])
    refused: Counter[int] = field(default_factory=Counter[int])
    tokens: Tokens = field(default_factory=Tokens)

    def to_dict(self) -> dict[str, Any]:
        """Give plain data, for JSON."""
        return {
            "calls": self.calls,
            "requests": self.requests,
            "outcomes": dict(self.outcomes),
            "refused": dict(self.refused),
            "tokens": asdict(self.tokens),
        }


class Ledger:
    """A page for each model; thread-safe."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.surprises: list[str] = []
        """Calls that did not do for their caller what they were meant to."""
        self._lock = threading.Lock()

    def made(self, call: Call) -> None:
        """Write down a call that has been made."""
        with self._lock:
            page = self.pages.setdefault(call.model, Page())
            page.calls += 1
            page.requests += len(call.steps)
            page.outcomes[call.outcome] += 1
            page.refused.update(step.status for step in call.steps if isinstance(step, Refusal))
            page.tokens += call.tokens

    def surprised(self, call: Call, saw: str) -> None:
        """Write down what a caller saw instead of what it should have seen."""
        with self._lock:
            self.surprises.append(f"{call.manner} on {call.model}, meant to be {call.outcome}: {saw}")

    def to_dict(self) -> dict[str, Any]:
        """Give plain data, for JSON."""
        return {model: self.pages[model].to_dict() for model in sorted(self.pages)}

"""An LLM provider inside the test process: real HTTP on loopback, answers by script, and a record of what it saw.

``Provider`` runs it, ``Reply`` and the faults say what happens, ``formats`` writes it down as a provider would.
"""

from __future__ import annotations

from polymeter.testing.provider.faults import (
    BadRequest,
    Disconnect,
    Fault,
    Hang,
    NotFound,
    Overloaded,
    RateLimited,
    Refusal,
    ServerError,
    Unauthorized,
)
from polymeter.testing.provider.ledger import Account, Ledger
from polymeter.testing.provider.provider import Provider
from polymeter.testing.provider.request import Outcome, Request
from polymeter.testing.provider.script import Reply, Step, ToolCall
from polymeter.testing.provider.tokens import Tokens

__all__ = [
    "Account",
    "BadRequest",
    "Disconnect",
    "Fault",
    "Hang",
    "Ledger",
    "NotFound",
    "Outcome",
    "Overloaded",
    "Provider",
    "RateLimited",
    "Refusal",
    "Reply",
    "Request",
    "ServerError",
    "Step",
    "Tokens",
    "ToolCall",
    "Unauthorized",
]

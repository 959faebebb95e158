"""What goes wrong, on purpose: an error answer, no answer, or half of one.

::

    Fault
    ├── Refusal             an HTTP error, written in the format of the request
    │   ├── BadRequest      400
    │   ├── Unauthorized    401
    │   ├── NotFound        404
    │   ├── RateLimited     429
    │   ├── ServerError     500
    │   └── Overloaded      503
    ├── Hang                nothing comes
    └── Disconnect          the connection closes before an answer
"""

from __future__ import annotations

from dataclasses import dataclass, field

from polymeter.testing.provider.script import Step

__all__ = [
    "BadRequest",
    "Disconnect",
    "Fault",
    "Hang",
    "NotFound",
    "Overloaded",
    "RateLimited",
    "Refusal",
    "ServerError",
    "Unauthorized",
]


@dataclass(frozen=True, kw_only=True)
class Fault(Step):
    """A step that is not an answer to the question."""


@dataclass(frozen=True, kw_only=True)
class Refusal(Fault):
    """An HTTP error.

    :param status: the HTTP status.
    :param message: for humans; ``type``, ``code`` and ``param`` are for programs.
    :param retry_after: seconds, sent as ``retry-after`` and ``retry-after-ms``.
    """

    status: int
    message: str
    type: str = "invalid_request_error"
    code: str | None = None
    param: str | None = None
    retry_after: float | None = None


@dataclass(frozen=True, kw_only=True)
class BadRequest(Refusal):
    """The request makes no sense."""

    status: int = 400
    message: str = "The request is not valid."


@dataclass(frozen=True, kw_only=True)
class Unauthorized(Refusal):
    """The key is not accepted."""

    status: int = 401
    message: str = "The API key is not valid."
    code: str | None = "invalid_api_key"


@dataclass(frozen=True, kw_only=True)
class NotFound(Refusal):
    """There is no such model."""

    status: int = 404
    message: str = "The model does not exist."
    code: str | None = "model_not_found"


@dataclass(frozen=True, kw_only=True)
class RateLimited(Refusal):
    """Too many requests: ``RateLimited(0.01)`` asks the client to wait for 10 ms."""

    retry_after: float | None = field(default=None, kw_only=False)
    status: int = 429
    message: str = "The limit of requests is reached."
    type: str = "requests"
    code: str | None = "rate_limit_exceeded"


@dataclass(frozen=True, kw_only=True)
class ServerError(Refusal):
    """The provider broke: ``ServerError(502)`` for another status than 500."""

    status: int = field(default=500, kw_only=False)
    message: str = "The server had an error."
    type: str = "server_error"


@dataclass(frozen=True, kw_only=True)
class Overloaded(Refusal):
    """The provider has too much to do."""

    status: int = 503
    message: str = "The server is overloaded."
    type: str = "server_error"


@dataclass(frozen=True)
class Hang(Fault):
    """Answer nothing until the client gives up, the provider closes, or ``seconds`` have passed (then disconnect)."""

    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Disconnect(Fault):
    """Close the connection without an answer."""

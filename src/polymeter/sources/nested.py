"""A call inside another call: a library that runs another library which has a source of its own.

Both sources see it, and it is to be counted once. So the outer call is the execution, and what the inner library knows
better (each request, its status, whether it is repeated) is told as attempts of the outer one::

    litellm.completion(...)             the execution                          LiteLLMSource
      openai.OpenAI.request(...)        one :class:`InnerRun`, told to it      OpenAISource
        POST, 429, POST, 200            two attempts of the execution

The outer source sets :data:`outer_call`; the inner one makes its runs with :func:`run_for`. Neither knows the other.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, Protocol, TypedDict, Unpack

from polymeter.sources.run import InferenceRun

if TYPE_CHECKING:
    from polymeter.sources.installs import Audience

__all__ = ["InnerRun", "OuterCall", "outer_call", "run_for"]


class OuterCall(Protocol):
    """What the inner library tells about its requests."""

    @property
    def is_active(self) -> bool:
        """Whether it is under way; contexts outlive calls, in threads and tasks that were started within."""
        ...

    def inner_attempt_started(self) -> None:
        """Hear that a request is about to be sent."""

    def inner_attempt_succeeded(self, http_status: int | None) -> None:
        """Hear that it was answered."""

    def inner_attempt_failed(self, error_type: str | None, http_status: int | None, *, will_retry: bool) -> None:
        """Hear that it failed.

        :param will_retry: whether the inner library repeats it. If it does not, the outer one still may.
        """


outer_call: Final[ContextVar[OuterCall | None]] = ContextVar("polymeter_outer_call", default=None)
"""The call of another library that this happens in."""


class RunOptions(TypedDict, total=False):
    """Those parameters of :class:`InferenceRun` that describe what is asked for."""

    model: str
    provider: str
    operation: str
    streamed: bool


def run_for(audience: Audience, **asked: Unpack[RunOptions]) -> InferenceRun:
    """Give the run of a call that begins here: an execution, or a part of the call that it happens in.

    :param asked: ``model``, ``provider``, ``operation`` and ``streamed`` of :class:`InferenceRun`.
    """
    outer = outer_call.get()
    if outer is not None and outer.is_active:
        return InnerRun(outer, **asked)
    return InferenceRun(audience.to, tallies=audience.tallies, **asked)


class InnerRun(InferenceRun):
    """Tells its attempts to the outer call, and nothing else to anybody."""

    __slots__ = ("_outer",)

    def __init__(self, outer: OuterCall, **asked: Unpack[RunOptions]) -> None:
        super().__init__((), **asked)
        self._outer = outer

    def attempt_started(self) -> None:
        """Tell that a request is about to be sent."""
        super().attempt_started()
        self._outer.inner_attempt_started()

    def attempt_succeeded(self, http_status: int | None = None) -> None:
        """Tell that the request was answered."""
        super().attempt_succeeded(http_status)
        self._outer.inner_attempt_succeeded(http_status)

    def attempt_failed(self, error_type: str | None, http_status: int | None, *, will_retry: bool) -> None:
        """Tell that the request failed."""
        super().attempt_failed(error_type, http_status, will_retry=will_retry)
        self._outer.inner_attempt_failed(error_type, http_status, will_retry=will_retry)

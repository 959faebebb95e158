"""What the contract has to know about one client library, and about one of its calls that can be streamed."""

from __future__ import annotations

from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from polymeter.events.usage import Usage
from polymeter.testing.provider import Tokens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from contextlib import AbstractAsyncContextManager, AbstractContextManager


class Adapter:
    """Derive from it and fill in what raises ``NotImplementedError``; an instance is made without arguments.

    Answers come from the embedded ``Provider``, in its format of that library.

    :cvar source: makes the source.
    :cvar broken: what the caller gets to see when the line breaks within a stream.
    :cvar tokens: what the provider is told to report.
    :cvar usage: what a run should make of it.
    :cvar usage_comes_early: whether a stream reports some usage before its last chunks.
    :cvar lazy: whether a streamed call sends nothing before its first chunk is asked for.
    :cvar dropped: the outcome of a stream that was dropped.
    :cvar retries: how often clients made here try again, after 429, 5xx, a cut line and a time-out; has to be 2.
    """

    source: Any = None
    broken: tuple[type[BaseException], ...] = ()
    tokens = Tokens(input=8, output=3, cache_read=4)
    usage = Usage(input=8, output=3, cache_read=4)
    usage_comes_early = False
    lazy = False
    dropped = "abandoned"
    retries = 2

    def client(
        self,
        base_url: str,
        *,
        timeout: float | None = None,
        api_key: str = "test",
        headers: dict[str, str] | None = None,
    ) -> AbstractContextManager[Any]:
        """Make a synchronous client, as a context manager that closes it.

        :param base_url: of the provider, ``/v1`` included.
        :param timeout: seconds to wait for an answer; ``None``: the library's default.
        :param headers: sent with every request.
        """
        raise NotImplementedError

    def ask(self, client: Any, model: str = "m", prompt: str = "How are you?") -> Any:
        """Ask for an answer in one piece."""
        raise NotImplementedError

    def open(self, client: Any, model: str = "m", prompt: str = "How are you?") -> Any:
        """Ask for a stream that reports usage; what it gives is iterated over."""
        raise NotImplementedError

    def close(self, stream: Any) -> None:
        """Close a stream."""
        stream.close()

    @contextmanager
    def block(self, stream: Any) -> Iterator[None]:
        """Give a block that closes a stream: its own, if it has one."""
        with ExitStack() as stack:
            if hasattr(stream, "__enter__"):
                stack.enter_context(stream)
            else:
                stack.callback(self.close, stream)
            yield

    def aclient(
        self,
        base_url: str,
        *,
        timeout: float | None = None,
        api_key: str = "test",
        headers: dict[str, str] | None = None,
    ) -> AbstractAsyncContextManager[Any]:
        """Make an asynchronous client, as an asynchronous context manager that closes it."""
        raise NotImplementedError

    async def aask(self, client: Any, model: str = "m", prompt: str = "How are you?") -> Any:
        """Ask for an answer in one piece."""
        raise NotImplementedError

    async def aopen(self, client: Any, model: str = "m", prompt: str = "How are you?") -> Any:
        """Ask for a stream that reports usage."""
        raise NotImplementedError

    async def aclose(self, stream: Any) -> None:
        """Close a stream."""
        await (stream.aclose() if hasattr(stream, "aclose") else stream.close())

    @asynccontextmanager
    async def ablock(self, stream: Any) -> AsyncIterator[None]:
        """Give a block that closes a stream: its own, if it has one."""
        async with AsyncExitStack() as stack:
            if hasattr(stream, "__aenter__"):
                await stack.enter_async_context(stream)
            else:
                stack.push_async_callback(self.aclose, stream)
            yield

    def wait_on(self, monkeypatch: Any, sleep: Any, asleep: Any) -> Any:
        """Have the library's back-off call ``sleep(seconds)``, and ``await asleep(seconds)``, instead of waiting.

        Left out: it really waits, as long as the provider tells it (a few milliseconds).
        """
        return NotImplemented

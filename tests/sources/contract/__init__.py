"""What every source of inferences has to keep, whatever library it listens to.

A source's own tests derive from these classes and give them an :class:`Adapter`::

    class TestChatEndings(StreamEndings):
        adapter = OpenAIChat()

    class TestAsyncChatEndings(AsyncStreamEndings):
        adapter = OpenAIChat()

    class TestChatStorm(RetryStorm):
        adapter = OpenAIChat()

    class TestChatPrivacy(Canaries):
        adapter = OpenAIChat()

Nothing here imports a client library.
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(
    *[f"{__name__}.{part}" for part in ("async_endings", "canaries", "ear", "endings", "storm")]
)

# ruff: noqa: E402 - imported after that
from tests.sources.contract.adapter import Adapter
from tests.sources.contract.async_endings import AsyncStreamEndings
from tests.sources.contract.canaries import Canaries
from tests.sources.contract.ear import Ear
from tests.sources.contract.endings import StreamEndings
from tests.sources.contract.storm import RetryStorm

__all__ = ["Adapter", "AsyncStreamEndings", "Canaries", "Ear", "RetryStorm", "StreamEndings"]

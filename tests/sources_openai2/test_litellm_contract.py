"""The LiteLLM source keeps the contract of all sources, with the source of the SDK below it and without."""

from __future__ import annotations

import pytest

from tests.sources.contract import AsyncStreamEndings, Canaries, Ear, RetryStorm, StreamEndings
from tests.sources_openai2.litellm_adapters import Alone, Together


class UnknownStatus(Ear):
    """LiteLLM does not say by which status a request succeeded."""

    @property
    def attempts(self):
        assert 200 not in super().attempts
        return [200 if each is None else each for each in super().attempts]


class WithoutTheSdksSource:
    @pytest.fixture
    def ear(self, clock):
        return UnknownStatus(clock)


class TestChat(StreamEndings):
    adapter = Together()


class TestAsyncChat(AsyncStreamEndings):
    adapter = Together()


class TestChatStorm(RetryStorm):
    adapter = Together()
    calls = 80  # LiteLLM takes its time for each


class TestChatCanaries(Canaries):
    adapter = Together()


class TestChatAlone(WithoutTheSdksSource, StreamEndings):
    adapter = Alone()
    test_the_interpreter_exits = None  # once is enough: it imports LiteLLM again


class TestAsyncChatAlone(WithoutTheSdksSource, AsyncStreamEndings):
    adapter = Alone()


class TestChatCanariesAlone(WithoutTheSdksSource, Canaries):
    adapter = Alone()

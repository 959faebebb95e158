"""A provider and clients of the real SDK for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from openai import OpenAI

from polymeter.testing.provider import Provider

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def provider(capfd: pytest.CaptureFixture[str]) -> Iterator[Provider]:
    """Serve until the test ends; whatever happens, nothing may be printed."""
    with Provider() as it:
        yield it
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def client(provider: Provider) -> Iterator[OpenAI]:
    """Give a client that does not retry."""
    with OpenAI(base_url=provider.base_url, api_key="test-key", max_retries=0, timeout=20) as it:
        yield it

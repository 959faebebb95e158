"""The installed Anthropic SDK, the HTTP library below it, and the ways in which these tests use them."""

from __future__ import annotations

import importlib
import json
import time
from types import SimpleNamespace
from typing import Any

import anthropic
import pytest

from tests.sources.conftest import EVENTS, QUESTION, TLS

# Since 1.0 the SDK is built on httpx2.
HTTP: Any = importlib.import_module("httpx" if anthropic.__version__.startswith("0.") else "httpx2")
BROKEN = anthropic.APIConnectionError, HTTP.TransportError  # some releases let the latter through

needs_middleware = pytest.mark.skipif(not hasattr(anthropic, "Middleware"), reason="came with anthropic 0.116")


def ask(client, **options):
    """Ask for an answer, whole unless told otherwise."""
    return client.messages.create(**{"model": "claude-x", "max_tokens": 100, "messages": QUESTION} | options)


def make(url, **options):
    """Make a client."""
    http = anthropic.DefaultHttpxClient(verify=TLS)
    return anthropic.Anthropic(**{"base_url": url, "api_key": "test", "http_client": http} | options)


def make_async(url, **options):
    """Make an asynchronous client."""
    http = anthropic.DefaultAsyncHttpxClient(verify=TLS)
    return anthropic.AsyncAnthropic(**{"base_url": url, "api_key": "test", "http_client": http} | options)


def wait_on(monkeypatch, sleep, asleep):
    """Have the back-off of the SDK call other functions than those that wait."""
    here = SimpleNamespace(sleep=sleep, time=time.time, time_ns=time.time_ns)
    monkeypatch.setattr("anthropic._base_client.time", here)
    monkeypatch.setattr("anthropic._base_client.anyio.sleep", asleep)


def sse(*events):
    """Write events as the body of a stream."""
    lines = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events]
    return HTTP.Response(200, headers=EVENTS, content="".join(lines).encode())

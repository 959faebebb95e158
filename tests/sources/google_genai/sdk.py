"""The installed Google GenAI SDK, and the ways in which these tests use it."""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest
from google import genai
from google.genai import types

from tests.sources.conftest import EVENTS, TLS

MAJOR, MINOR = map(int, genai.__version__.split(".")[:2])
# Since 3.0 the SDK is built on httpx2; asynchronous calls go over aiohttp, where it is installed.
HTTP: Any = importlib.import_module("httpx2" if MAJOR >= 3 else "httpx")

# aiohttp does not like what the SDK does.
quiet = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")

recent = pytest.mark.skipif(
    (MAJOR, MINOR) < (2, 34), reason="older releases leave connections of httpx open, and call no functions in streams"
)

# Quick, and three requests at most.
RETRIES = types.HttpRetryOptions(attempts=3, initial_delay=0.001, max_delay=0.002, exp_base=1, jitter=0)

QUESTION = "How are you today?"
MODEL = "gemini-x"


def make(url, *, httpx=False, api_key="test", vertexai=False, **options):
    """Make a client.

    :param httpx: whether asynchronous calls go over httpx rather than aiohttp.
    """
    over = {"transport": HTTP.AsyncHTTPTransport(verify=TLS)} if httpx else {"ssl": TLS}
    options = {"retry_options": RETRIES} | options
    http = types.HttpOptions(base_url=url, client_args={"verify": TLS}, async_client_args=over, **options)
    return genai.Client(api_key=api_key, vertexai=vertexai, http_options=http)


class making:  # noqa: N801 - as a function it would close the client when it is dropped
    """Give a client, and close it."""

    def __init__(self, url, **options):
        self.client = make(url, **options)

    def __enter__(self):
        return self.client

    def __exit__(self, *_):
        self.client.close()


class making_async(making):  # noqa: N801
    """Give the asynchronous half of a client, and close it."""

    async def __aenter__(self):
        return self.client.aio

    async def __aexit__(self, *_):
        await self.client.aio.aclose()
        self.client.close()


def ask(client, model=MODEL, contents=QUESTION, **config):
    """Ask for an answer in one piece."""
    return client.models.generate_content(model=model, contents=contents, config=config or None)


def stream(client, model=MODEL, contents=QUESTION, **config):
    """Ask for a stream."""
    return client.models.generate_content_stream(model=model, contents=contents, config=config or None)


def response(*parts, finish=None, **more):
    """Make a response with one candidate."""
    candidate = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
    return {"candidates": [candidate | ({"finishReason": finish} if finish else {})], "modelVersion": "m-1"} | more


def sse(*responses):
    """Write responses as the body of a stream."""
    lines = [f"data: {json.dumps(each)}\r\n\r\n".encode() for each in responses]
    return HTTP.Response(200, headers=EVENTS, content=b"".join(lines))

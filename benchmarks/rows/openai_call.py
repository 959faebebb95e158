"""What it costs a call of the OpenAI SDK to be watched, beside the instrumentation of OpenTelemetry."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import httpx2
import openai
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor

from benchmarks.watching import OpenTelemetry, Ours, added
from polymeter.collectors import InferenceMetricsCollector
from polymeter.sources import OpenAISource

if TYPE_CHECKING:
    from benchmarks.harness import Result

CALLS = 100
CHUNKS = 1_000
PEER = "opentelemetry genai-openai"
ASKED: dict[str, Any] = {"model": "gpt-x", "messages": [{"role": "user", "content": "How are you?"}]}

USAGE = {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21}
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-x-2026",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Well, thanks."}, "finish_reason": "stop"}],
    "usage": USAGE,
}


def rows() -> list[Result]:
    """Measure."""
    for name in ("httpx", "httpx2", "openai"):
        logging.getLogger(name).setLevel(logging.WARNING)  # a line for each call would be most of what is measured
    client = stub()
    return [
        added(
            "an OpenAI call: what watching adds",
            lambda: whole(client),
            *watchers(),
            PEER,
            per=CALLS,
            seen=CALLS,
            target=0.5,
        ),
        added(
            "a chunk of an OpenAI stream: what watching adds",
            lambda: streamed(client),
            *watchers(),
            PEER,
            per=CHUNKS,
            seen=1,
            target=0.5,
        ),
    ]


def watchers() -> tuple[Ours, OpenTelemetry]:
    """Make both."""
    ours = Ours(OpenAISource(), InferenceMetricsCollector(), "inference.completed")
    return ours, OpenTelemetry(OpenAIInstrumentor(), "gen_ai.client.operation.duration")


def whole(client: openai.OpenAI) -> None:
    """Ask, and get the answer in one piece."""
    for _ in range(CALLS):
        assert client.chat.completions.create(**ASKED).usage


def streamed(client: openai.OpenAI) -> None:
    """Ask, and read the answer chunk by chunk."""
    stream = client.chat.completions.create(**ASKED, stream=True, stream_options={"include_usage": True})
    assert sum(1 for _ in stream) == CHUNKS


def stub() -> openai.OpenAI:
    """Make a client whose transport answers at once."""
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-x-2026"}
    choice = {"index": 0, "delta": {"content": " word"}, "logprobs": None, "finish_reason": None}
    chunks: list[dict[str, Any]] = [{**chunk, "choices": [choice], "usage": None}] * (CHUNKS - 2)
    chunks.append({**chunk, "choices": [{**choice, "delta": {}, "finish_reason": "stop"}], "usage": None})
    chunks.append({**chunk, "choices": [], "usage": USAGE})
    body = b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in chunks) + b"data: [DONE]\n\n"
    answer = json.dumps(ANSWER).encode()

    def respond(request: httpx2.Request) -> httpx2.Response:
        if b'"stream":true' in request.content:
            return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)
        return httpx2.Response(200, headers={"content-type": "application/json"}, content=answer)

    http = httpx2.Client(transport=httpx2.MockTransport(respond))
    return openai.OpenAI(base_url="http://stub.invalid/v1", api_key="none", http_client=http)

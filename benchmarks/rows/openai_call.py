"""What it costs a call of the OpenAI SDK to be watched, beside the instrumentation of OpenTelemetry.

The same client asks the same stub three ways in turns: watched by nobody, by us, by them. What is compared is what each
adds to the first. Theirs records metrics with the SDK of OpenTelemetry and makes no spans, which would add to it.
"""

from __future__ import annotations

import gc
import json
import logging
import statistics
import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import httpx2
import openai
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from benchmarks.harness import REPEATS, Result
from polymeter import Metrics
from polymeter.collectors import InferenceMetricsCollector
from polymeter.sources import OpenAISource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

TURNS = 2 * REPEATS
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
    return [
        compared("an OpenAI call: what watching adds", whole, CALLS),
        compared("a chunk of an OpenAI stream: what watching adds", streamed, CHUNKS),
    ]


def compared(name: str, work: Callable[[openai.OpenAI], None], per: int) -> Result:
    """Do ``work`` watched by nobody, by us and by them, in turns; compare what the latter two add."""
    times: dict[str, list[float]] = {"nobody": [], "ours": [], "theirs": []}
    watchers = {"nobody": Nobody(), "ours": Ours(), "theirs": Theirs()}
    client = stub()
    gc.collect()
    gc.freeze()  # the two SDKs are large, and nothing of them becomes garbage
    for turn in range(TURNS + 1):
        for each in list(watchers)[turn % 3 :] + list(watchers)[: turn % 3]:
            watcher = watchers[each]
            with watcher.watching():
                gc.collect()
                began = time.process_time()
                work(client)
                watcher.read()  # the drain and a read belong to the work
                took = time.process_time() - began
            if turn:  # the first one warms up
                times[each].append(took / per)
    gc.unfreeze()
    calls = (TURNS + 1) * (CALLS if work is whole else 1)
    assert [watcher.read() for watcher in watchers.values()] == [0, calls, calls]
    # Turn by turn: what is added is small beside the call, whose own time changes with what else the machine does.
    adds = {
        each: statistics.median(took - plain for took, plain in zip(times[each], times["nobody"], strict=True))
        for each in ("ours", "theirs")
    }
    return Result(name, PEER, adds["ours"], adds["theirs"], 0.5)


def whole(client: openai.OpenAI) -> None:
    """Ask, and get the answer in one piece."""
    for _ in range(CALLS):
        assert client.chat.completions.create(**ASKED).usage


def streamed(client: openai.OpenAI) -> None:
    """Ask, and read the answer chunk by chunk."""
    stream = client.chat.completions.create(**ASKED, stream=True, stream_options={"include_usage": True})
    assert sum(1 for _ in stream) == CHUNKS


class Nobody:
    """Nobody watches."""

    def watching(self) -> AbstractContextManager[object]:
        """Watch while a block runs."""
        return nullcontext()

    def read(self) -> float:
        """Count the calls that were seen."""
        return 0


class Ours(Nobody):
    """We watch."""

    def __init__(self) -> None:
        self.metrics = Metrics().collect(InferenceMetricsCollector())

    def watching(self) -> AbstractContextManager[object]:
        """Watch while a block runs."""
        return OpenAISource().install(self.metrics.events)

    def read(self) -> float:
        """Count the calls that were seen."""
        return self.metrics.registry.total("inference.completed")


class Theirs(Nobody):
    """OpenTelemetry watches, by its instrumentation."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        self.provider = MeterProvider([self.reader])

    @contextmanager
    def watching(self) -> Iterator[object]:
        """Watch while a block runs."""
        OpenAIInstrumentor().instrument(meter_provider=self.provider)
        try:
            yield
        finally:
            OpenAIInstrumentor().uninstrument()

    def read(self) -> float:
        """Count the calls that were seen."""
        data: Any = self.reader.get_metrics_data()
        metrics = [
            each for resource in data.resource_metrics for scope in resource.scope_metrics for each in scope.metrics
        ]
        durations = [each for each in metrics if each.name == "gen_ai.client.operation.duration"]
        return sum(point.count for each in durations for point in each.data.data_points)


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

"""The contract of collectors, over ours and over every way to write one."""

from __future__ import annotations

from typing import NamedTuple

from polymeter import Subscription
from polymeter.cli.demo_metrics import DemoCollector
from polymeter.collectors import InferenceMetricsCollector, MetricsCollector, measure, on
from polymeter.events.inference import (
    InferenceAttemptFailed,
    InferenceAttemptStarted,
    InferenceCompleted,
    InferenceStarted,
    Usage,
)
from polymeter.testing.contracts.collectors import CollectorContract
from tests.collectors.vocabulary import Bill, Cost, LongTurnFinished, TurnFinished, TurnStarted, Untyped

TURNS = (
    TurnStarted,
    lambda: TurnFinished(model="a", duration_ms=10, bill=Bill(tokens=3, cost=Cost(0.5)), level=2),
    lambda: TurnFinished(model=None, ok=False, duration_ms=None, tag=True, at=1_700_000_001.5),
    lambda: LongTurnFinished(model="a", duration_ms=2.5, tag=1, level=-4, at=1_699_999_990.0),
    lambda: TurnFinished(model="b", duration_ms=0, bill=Bill(tokens=1), tag="1"),
)


class OfTurns(CollectorContract):
    def make_events(self):
        return [make() for make in TURNS]


class Declared(MetricsCollector):
    started = measure.counter("started", on=TurnStarted, tags=("model",), help="Turns.")
    active_up = measure.up_down("active", on=TurnStarted, value=lambda _: 1, help="Turns that go on.")
    active_down = measure.up_down("active", on=TurnFinished, value=lambda _: -1, help="Turns that go on.")
    turns = measure.counter("turns", on=TurnFinished, tags=("model", "ok", "tag", "mood"), help="Turns.")
    wait = measure.timer("wait_ms", on=TurnFinished, value="duration_ms", tags=("model",), help="Time.")
    tokens = measure.histogram("tokens", on=TurnFinished, value="bill.tokens", buckets=(1, 2), help="Tokens.")
    cost = measure.counter("cost", on=TurnFinished, value="bill.cost.amount", tags={"of": "model"}, help="Money.")
    level = measure.gauge("level", on=TurnFinished, value="level", tags=("model",), help="A level.")
    pages = measure.counter("pages", on=LongTurnFinished, value="pages", when=lambda turn: turn.ok, help="Pages.")


class TestDeclared(OfTurns):
    def expected_totals(self):
        return {"started": 1, "active": -3, "turns": 4, "tokens": 4, "cost": 0.5, "pages": 3}

    def make_collector(self):
        return Declared()


class Decorated(MetricsCollector):
    @on(TurnStarted)
    @on(LongTurnFinished, priority=5)
    def any_turn(self, event):
        self.counter("any", {"type": type(event).__name__})

    @on(TurnFinished)
    def finished(self, event):
        tags = {"model": event.model, "ok": event.ok}
        if event.duration_ms is not None:
            self.timer("wait", event.duration_ms, tags)
        self.gauge("level", event.level, tags)
        self.up_down("balance", event.level)
        self.histogram("levels", event.level, tags)


class TestDecorated(OfTurns):
    explains_metrics = False

    def expected_totals(self):
        return {"any": 2, "wait": 12.5, "balance": 0, "levels": 0}

    def make_collector(self):
        return Decorated()


class Dynamic(MetricsCollector):
    def __init__(self, *types):
        self._types = types

    def listeners(self):
        for each in self._types:
            self.registry.define(f"{each.__name__}.heard", "counter", help="Events.")
        return dict.fromkeys(self._types, self._count)

    def _count(self, event):
        for each in self._types:
            if type(event) is each:
                self.counter(f"{each.__name__}.heard", {"unit_of_work": event.unit_of_work})


class TestDynamic(CollectorContract):
    def expected_totals(self):
        return {"TurnStarted.heard": 2, "TurnFinished.heard": 1}

    def make_collector(self):
        return Dynamic(TurnStarted, TurnFinished)

    def make_events(self):
        return [TurnStarted(unit_of_work="1"), TurnFinished(), TurnStarted()]


class Mixed(Declared, Decorated):
    def listeners(self):
        return {Untyped: lambda event: self.counter("untyped", {"model": event.describe()})}


class TestMixed(OfTurns):
    explains_metrics = False

    def expected_totals(self):
        return {**TestDeclared().expected_totals(), **TestDecorated().expected_totals(), "untyped": 1}

    def make_collector(self):
        return Mixed()

    def make_events(self):
        return [Untyped(), *super().make_events()]


class Pair(NamedTuple):
    name: str
    count: int


class Plain:
    """What has ``register`` is a collector: it need not derive from anything."""

    def register(self, events, registry):
        registry.define("pairs", "counter", help="Pairs.")
        totals = registry.bind("counter", "pairs")

        def listen(event):
            totals.add(event.count)
            registry.counter("pairs.of", {"name": event.name})

        return Subscription.of_all([events.add_listener(Pair, listen)])


class TestPlain(CollectorContract):
    registers_once = False
    explains_metrics = False

    def expected_totals(self):
        return {"pairs": 5, "pairs.of": 2}

    def make_collector(self):
        return Plain()

    def make_events(self):
        return [Pair("a", 2), Pair("b", 3)]


def calls():
    """Give what two calls say: one streamed and answered at the second attempt, one that failed."""
    streamed = {"execution_id": "1", "model": "large", "streamed": True}
    failed = {"execution_id": "2", "model": "small"}
    usage = Usage(input=7, cache_read=2, output=20, reasoning=5)
    no_answer = {"error_type": "Timeout", "http_status": None}
    return [
        InferenceStarted(**streamed),
        InferenceAttemptStarted(**streamed, attempt=1),
        InferenceAttemptFailed(
            **streamed, attempt=1, duration_ms=5, error_type="RateLimit", http_status=429, will_retry=True
        ),
        InferenceStarted(**failed),
        InferenceAttemptStarted(**failed, attempt=1),
        InferenceAttemptStarted(**streamed, attempt=2),
        InferenceAttemptFailed(**failed, attempt=1, duration_ms=900, **no_answer, will_retry=False),
        InferenceCompleted(**failed, outcome="error", duration_ms=1000, error_type="Timeout"),
        InferenceCompleted(
            **streamed,
            outcome="ok",
            duration_ms=500,
            attempt_count=2,
            finish_reason="stop",
            time_to_first_chunk_ms=100,
            usage=usage,
            at=1_700_000_000.5,
        ),
        InferenceCompleted(**streamed, outcome="abandoned", duration_ms=0, time_to_first_chunk_ms=3),
    ]


class TestInferenceMetricsCollector(CollectorContract):
    def expected_totals(self):
        return {
            "inference.started": 2,
            "inference.active": -1,
            "inference.completed": 3,
            "inference.duration_ms": 1500,
            "inference.ttfc_ms": 103,
            "inference.tokens.input": 9,
            "inference.tokens.output": 25,
            "inference.tokens.total": 34,
            "inference.throughput": 50,
            "inference.throughput.tokens_per_sec": 50,
            "inference.usage.tokens": 34,
            "inference.usage.missing": 1,
            "inference.attempts": 3,
            "inference.attempts.failed": 2,
        }

    def make_collector(self):
        return InferenceMetricsCollector()

    def make_events(self):
        return calls()


class TestDemoCollector(CollectorContract):
    def expected_totals(self):
        return {"demo.calls": 3, "demo.retries": 1, "demo.errors": 1}

    def make_collector(self):
        return DemoCollector()

    def make_events(self):
        return [event for event in calls() if isinstance(event, InferenceAttemptStarted | InferenceCompleted)]

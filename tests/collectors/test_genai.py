"""GenAIMetricsCollector: the names, units, attributes, bounds and values of the OpenTelemetry GenAI conventions."""

from __future__ import annotations

import pytest

from polymeter import DefinitionError, Kind, Metrics
from polymeter.collectors import GenAIMetricsCollector, InferenceMetricsCollector
from polymeter.collectors.genai_names import CURRENT, NEXT
from polymeter.events.inference import InferenceCompleted, StreamChunkReceived, Usage
from polymeter.testing import ManualClock
from tests.collectors.inference_script import calls, ended, written

SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)


def measured(events=None, **options):
    metrics = Metrics(clock=ManualClock()).collect(GenAIMetricsCollector(**options))
    for event in calls() if events is None else events:
        metrics.events.dispatch(event)
    assert metrics.health().is_well
    return metrics


def attributes(*, model="gpt-demo", provider="openai", operation="chat", **more):
    dotted = {name.replace("__", "."): value for name, value in more.items()}
    return {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": model,
        **dotted,
    }


def chat(**more):
    return attributes(gen_ai__response__model="gpt-demo-2026-01-01", server__address="api.openai.com", **more)


def stream(**more):
    return attributes(model="claude-demo", provider="anthropic", **more)


def answered(**more):
    return stream(gen_ai__response__model="claude-demo", **more)


def embeddings(**more):
    return attributes(model="embed-demo", operation="embeddings", **more)


def unordered(pairs):
    return sorted(pairs, key=lambda pair: sorted(pair[0].items()))


def near(pairs):
    return [(tags, pytest.approx(value)) for tags, value in unordered(pairs)]


LIMITED = {"error__type": "RateLimitError"}
DURATIONS = [
    (chat(), (1, 0.5)),
    (answered(), (1, 2.0)),
    (stream(), (2, 0.19)),
    (attributes(**LIMITED), (1, 0.02)),
    (attributes(error__type="_OTHER"), (1, 0.03)),
]
EMBEDDINGS = [(embeddings(), (1, 0.08)), (embeddings(error__type="APITimeoutError"), (1, 0.04))]
FIRST_CHUNKS = [(answered(), (1, 0.64)), (stream(), (2, 0.035))]
GAPS = [(stream(), (2, 0.04))]


class TestCurrent:
    def test_durations_of_all_calls_in_seconds(self):
        """With ``error.type`` where the call ended in an error; a cancelled one did not."""
        found = written(measured(), "gen_ai.client.operation.duration")
        assert unordered(found) == near([*DURATIONS, *EMBEDDINGS])

    def test_first_chunks_of_streams(self):
        """Without ``error.type``."""
        found = written(measured(), "gen_ai.client.operation.time_to_first_chunk")
        assert unordered(found) == near(FIRST_CHUNKS)

    def test_gaps_between_chunks(self):
        """With what is known while the stream is on its way."""
        assert written(measured(), "gen_ai.client.operation.time_per_output_chunk") == near(GAPS)

    def test_tokens_by_type(self):
        """Of calls whose provider reported any: nothing is guessed. Embeddings have no output."""

        def typed(tags, token_type):
            return {**tags, "gen_ai.token.type": token_type}

        assert unordered(written(measured(), "gen_ai.client.token.usage")) == near(
            [
                (typed(chat(), "input"), (1, 15)),
                (typed(chat(), "output"), (1, 20)),
                (typed(answered(), "input"), (1, 4)),
                (typed(answered(), "output"), (1, 64)),
                (typed(stream(), "input"), (1, 3)),
                (typed(stream(), "output"), (1, 2)),
                (typed(embeddings(), "input"), (1, 256)),
            ]
        )

    def test_nothing_else(self):
        """None of the other names, and no more than the map lists."""
        assert {metric.name for metric in measured().registry.all()} == set(CURRENT.values())


class TestNext:
    def test_durations_of_answers_alone(self):
        """In seconds, with ``error.type``."""
        found = written(measured(names="next"), "gen_ai.client.inference.duration")
        assert unordered(found) == near(DURATIONS)

    def test_durations_of_embeddings(self):
        """Under a name of their own."""
        found = written(measured(names="next"), "gen_ai.client.embeddings.duration")
        assert unordered(found) == near(EMBEDDINGS)

    def test_tokens_of_an_embeddings_call(self):
        """Where they were reported, as a distribution."""
        found = written(measured(names="next"), "gen_ai.client.embeddings.operation.input_tokens")
        assert found == near([(embeddings(), (1, 256))])

    def test_chunks(self):
        """As before, under their new names."""
        metrics = measured(names="next")
        found = written(metrics, "gen_ai.client.inference.time_to_first_chunk")
        assert unordered(found) == near(FIRST_CHUNKS)
        assert written(metrics, "gen_ai.client.inference.time_per_output_chunk") == near(GAPS)

    @pytest.mark.parametrize(
        ("name", "of_chat", "of_answer", "of_stream"),
        [
            ("input_tokens", 15, 4, 3),
            ("output_tokens", 20, 64, 2),
            ("cache_read.input_tokens", 5, 0, 0),
            ("cache_write.input_tokens", 0, 1, 0),
            ("reasoning.output_tokens", 4, 0, 0),
        ],
    )
    def test_tokens_that_were_used(self, name, of_chat, of_answer, of_stream):
        """Counters, at 0 for calls of which nobody said; cache and reasoning are parts of input and output."""
        metrics = measured(names="next")
        unknown = {"gen_ai__token__modality": "unknown"}
        assert unordered(written(metrics, f"gen_ai.client.inference.usage.{name}")) == unordered(
            [
                (chat(**unknown), of_chat),
                (answered(**unknown), of_answer),
                (stream(**unknown), of_stream),
                (attributes(**unknown), 0),
            ]
        )
        assert {each.kind for each in metrics.registry.find(f"gen_ai.client.inference.usage.{name}")} == {Kind.COUNTER}

    @pytest.mark.parametrize(("name", "values"), [("input", (15, 4, 3)), ("output", (20, 64, 2))])
    def test_tokens_of_a_call(self, name, values):
        """Distributions, with 0 for calls of which nobody said, and ``error.type``."""
        found = written(measured(names="next"), f"gen_ai.client.inference.operation.{name}_tokens")
        assert unordered(found) == near(
            [
                (chat(), (1, values[0])),
                (answered(), (1, values[1])),
                (stream(), (2, values[2])),
                (attributes(**LIMITED), (1, 0)),
                (attributes(error__type="_OTHER"), (1, 0)),
            ]
        )

    def test_nothing_else(self):
        """None of today's names, and no more than the map lists."""
        assert {metric.name for metric in measured(names="next").registry.all()} == set(NEXT.values())


def test_both_generations_side_by_side_say_what_each_says_alone():
    both = {metric.name: str(metric) for metric in measured(names="both").registry.all()}
    alone = [metric for names in ("current", "next") for metric in measured(names=names).registry.all()]
    assert both == {metric.name: str(metric) for metric in alone}
    assert not set(CURRENT.values()) & set(NEXT.values())


@pytest.mark.parametrize("names", ["current", "next"])
def test_units_and_bounds(names):
    """Seconds and ``{token}``, with the bounds that the conventions ask for."""
    definitions = measured(names=names).snapshot().definitions
    for name in (CURRENT if names == "current" else NEXT).values():
        said = definitions[name]
        is_tokens = "token" in name
        assert said.unit == ("{token}" if is_tokens else "s")
        if said.kind is Kind.COUNTER:
            assert said.buckets is None
        else:
            assert said.buckets == (TOKENS if is_tokens else SECONDS)
        assert said.help.endswith(".")


def test_buckets_are_counted_exactly():
    """A value on a bound is in the bucket that it bounds."""
    durations = [10, 10.001, 40, 81920, 81921]
    metrics = measured([ended(duration_ms=duration) for duration in durations])
    counts = metrics.registry.get("gen_ai.client.operation.duration", attributes()).distribution.bound_counts
    assert counts == (1, 1, 1, *[0] * 10, 1, 1)


def test_a_call_that_was_not_streamed_has_no_first_chunk_whatever_its_source_says():
    metrics = measured([ended(time_to_first_chunk_ms=900)])
    assert written(metrics, "gen_ai.client.operation.time_to_first_chunk") == []


def test_an_answer_that_is_fetched_again_uses_no_tokens():
    event = ended(operation="fetch_response", usage=Usage(input=7, output=8))
    names = {metric.name for metric in measured([event], names="both").registry.all()}
    assert names == {"gen_ai.client.operation.duration"}


def test_chunks_can_be_left_alone():
    """Then no source makes an event of every chunk for it."""
    metrics = Metrics().collect(GenAIMetricsCollector("both", chunks=False))
    assert metrics.events.emitter(InferenceCompleted).listening
    assert not metrics.events.emitter(StreamChunkReceived).listening
    metrics.collect(GenAIMetricsCollector("both"))
    assert metrics.events.emitter(StreamChunkReceived).listening


def test_it_is_independent_of_our_own_reading():
    """Both read the same events side by side, with the same result."""
    metrics = Metrics(clock=ManualClock()).collect(InferenceMetricsCollector()).collect(GenAIMetricsCollector())
    for event in calls():
        metrics.events.dispatch(event)
    total = metrics.registry.total
    assert total("gen_ai.client.operation.duration") == pytest.approx(total("inference.duration_ms") / 1000)
    tokens = {kind: total("gen_ai.client.token.usage", {"gen_ai.token.type": kind}) for kind in ("input", "output")}
    assert tokens == {"input": total("inference.tokens.input"), "output": total("inference.tokens.output")}


def test_exemplars_lead_from_a_duration_to_its_call():
    metrics = measured([ended(execution_id="abc", duration_ms=30)], names="both", exemplars="execution_id")
    for name in ("gen_ai.client.operation.duration", "gen_ai.client.inference.duration"):
        (timer,) = metrics.registry.find(name)
        assert [exemplar.labels.to_dict() for exemplar in timer.exemplars] == [{"execution_id": "abc"}]


def test_other_names_are_refused():
    with pytest.raises(DefinitionError, match=r"no GenAI names 'old': use 'current', 'next', 'both'"):
        GenAIMetricsCollector("old")


def test_what_cannot_be_registered_leaves_nothing_behind():
    """The second generation clashes with a metric of the program's own: the first does not listen either."""
    metrics = Metrics()
    metrics.registry.define("gen_ai.client.inference.duration", "counter")
    with pytest.raises(DefinitionError):
        metrics.collect(GenAIMetricsCollector("both"))
    assert not metrics.events.emitter(InferenceCompleted).listening

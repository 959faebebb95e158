"""What an answer of Gemini says about a run, shape by shape."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from polymeter.events.usage import Usage
from polymeter.sources import InferenceRun
from polymeter.sources.google_genai_answers import AnswerReader

TEXT = {"text": "Hello"}
THOUGHT = {"text": "Hm", "thought": True}
CALL = {"functionCall": {"name": "f", "args": {}}}
SIGNATURE = {"text": "", "thoughtSignature": "c2ln"}


class Heard:
    """A run, its reader, and how often that was surprised."""

    def __init__(self, choices=1, input_count=None):
        self.surprises = []
        self.run = InferenceRun((), model="m")
        self.run.start()
        self.run.input_count = input_count
        self.reader = AnswerReader(self.run, choices, lambda: self.surprises.append(1))

    def chunks(self, *responses):
        return [self.reader.chunk(body(response)) for response in responses]

    def whole(self, response):
        self.reader.whole(body(response))
        return self.run


def body(response):
    return SimpleNamespace(body=response if isinstance(response, str) else json.dumps(response))


def candidate(*parts, index=0, finish=None):
    content = {"content": {"parts": list(parts), "role": "model"}} if parts else {}
    return content | {"index": index} | ({"finishReason": finish} if finish else {})


def response(*parts, finish=None, **more):
    return {"candidates": [candidate(*parts, finish=finish)]} | more


@pytest.mark.parametrize(
    ("parts", "content"),
    [
        ([TEXT], True),
        ([THOUGHT], True),
        ([CALL], True),
        ([{"inlineData": {"mimeType": "image/png", "data": "AA=="}}], True),
        ([{"executableCode": {"code": "1"}}], True),
        ([{"somethingNew": {}}], True),
        ([SIGNATURE, TEXT], True),
        ([CALL | {"thoughtSignature": "c2ln"}], True),
        ([SIGNATURE], False),
        ([{"text": ""}], False),
        ([{"thoughtSignature": "c2ln"}], False),
        ([], False),
    ],
)
def test_a_chunk_has_content_if_a_part_is_output(parts, content):
    heard = Heard()
    assert heard.chunks(response(*parts)) == [content]
    assert heard.surprises == []


@pytest.mark.parametrize(
    "empty", ["", "{}", {"usageMetadata": {"promptTokenCount": 1}}, {"candidates": []}, {"candidates": None}]
)
def test_a_chunk_without_candidates_has_no_content(empty):
    heard = Heard()
    assert heard.chunks(empty) == [False]
    assert heard.surprises == []


@pytest.mark.parametrize(
    ("reported", "usage"),
    [
        ({}, None),
        ({"totalTokenCount": 5}, None),
        ({"promptTokenCount": 8, "totalTokenCount": 8}, Usage(input=8)),
        ({"promptTokenCount": 8, "candidatesTokenCount": 3, "totalTokenCount": 11}, Usage(input=8, output=3)),
        ({"promptTokenCount": 0, "candidatesTokenCount": 0}, Usage()),
        (
            {"promptTokenCount": 8, "cachedContentTokenCount": 6, "candidatesTokenCount": 3},
            Usage(input=2, cache_read=6, output=3),
        ),
        (
            {"promptTokenCount": 19, "candidatesTokenCount": 3, "thoughtsTokenCount": 57, "totalTokenCount": 79},
            Usage(input=19, output=3, reasoning=57),
        ),
        (
            {"promptTokenCount": 19, "candidatesTokenCount": 60, "thoughtsTokenCount": 57, "totalTokenCount": 79},
            Usage(input=19, output=3, reasoning=57),
        ),
        (
            {
                "promptTokenCount": 10,
                "toolUsePromptTokenCount": 5,
                "candidatesTokenCount": 3,
                "thoughtsTokenCount": 2,
                "totalTokenCount": 20,
            },
            Usage(input=15, output=3, reasoning=2),
        ),
        (
            {"promptTokenCount": 10, "candidatesTokenCount": 3, "thoughtsTokenCount": 2},
            Usage(input=10, output=3, reasoning=2),
        ),
        ({"thoughtsTokenCount": 4}, Usage(reasoning=4)),
    ],
)
def test_tokens_are_counted_once_each(reported, usage):
    """Input with cached ones and those of tools; thoughts beside the candidates, or, if the sum says so, in them."""
    heard = Heard()
    assert heard.whole(response(TEXT, usageMetadata=reported)).reported == usage
    assert heard.surprises == []


def test_of_the_reports_in_a_stream_the_last_one_counts():
    heard = Heard()
    heard.chunks(
        response(TEXT, usageMetadata={"promptTokenCount": 8}),
        response(TEXT, usageMetadata={"promptTokenCount": 8, "candidatesTokenCount": 2}),
        response(TEXT, finish="STOP", usageMetadata={"promptTokenCount": 8, "candidatesTokenCount": 3}),
        response(),
    )
    assert heard.run.reported == Usage(input=8, output=3)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "max_tokens"),
        ("SAFETY", "safety"),
        ("MALFORMED_FUNCTION_CALL", "malformed_function_call"),
        ("FINISH_REASON_UNSPECIFIED", None),
        ("", None),
    ],
)
def test_the_finish_reason_is_the_providers_in_lower_case(said, reason):
    assert Heard().whole(response(TEXT, finish=said)).finish_reason == reason
    heard = Heard()
    heard.chunks(response(TEXT), response(TEXT, finish=said))
    assert heard.run.finish_reason == reason


def test_a_blocked_prompt_gives_its_reason_and_no_answer():
    blocked = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 7}}
    heard = Heard()
    assert heard.chunks(blocked) == [False]
    assert heard.run.finish_reason == "prohibited_content"
    assert heard.run.reported == Usage(input=7)
    assert Heard().whole(blocked).finish_reason == "prohibited_content"
    assert Heard().whole({"promptFeedback": {"safetyRatings": []}}).finish_reason is None


def test_feedback_beside_an_answer_is_no_block():
    answered = response(TEXT, finish="STOP", promptFeedback={"blockReason": "BLOCKED_REASON_UNSPECIFIED"})
    assert Heard().whole(answered).finish_reason == "stop"


def test_a_stream_of_several_candidates_is_whole_when_all_have_ended():
    heard = Heard(choices=2)
    heard.chunks({"candidates": [candidate(TEXT, index=1, finish="MAX_TOKENS")]})
    assert heard.run.finish_reason is None
    heard.chunks({"candidates": [candidate(TEXT, index=1, finish="MAX_TOKENS")]})
    assert heard.run.finish_reason is None
    heard.chunks({"candidates": [{"finishReason": "STOP"}]})
    assert heard.run.finish_reason == "stop"


def test_a_stream_that_ended_before_all_candidates_did_keeps_the_reason_of_one():
    heard = Heard(choices=2)
    heard.chunks({"candidates": [candidate(TEXT, index=1, finish="STOP")]})
    heard.reader.settle()
    assert heard.run.finish_reason == "stop"


def test_the_answering_model_is_kept():
    heard = Heard()
    heard.chunks(response(TEXT), response(TEXT, modelVersion="gemini-x-001"), response(modelVersion="other"))
    assert heard.run.response_model == "gemini-x-001"


@pytest.mark.parametrize(
    ("answer", "dimensions", "usage"),
    [
        ({"embeddings": [{"values": [0.5, -1, 2e-3]}, {"values": [1, 2, 3]}]}, 3, None),
        ({"embedding": {"values": [0.5]}, "usageMetadata": {"promptTokenCount": 4}}, 1, Usage(input=4)),
        (
            {
                "embeddings": [{"values": [1, 2]}],
                "usageMetadata": {
                    "promptTokenCount": 4,
                    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 4}],
                },
            },
            2,
            Usage(input=4),
        ),
        (
            {
                "predictions": [
                    {"embeddings": {"statistics": {"token_count": 2, "truncated": False}, "values": [1, 2]}},
                    {"embeddings": {"values": [1, 2], "statistics": {"token_count": 3.0, "truncated": False}}},
                ],
                "metadata": {"billableCharacterCount": 9},
            },
            2,
            Usage(input=5),
        ),
        ({"embeddings": [{"values": []}]}, None, None),
        ({"embeddings": []}, None, None),
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_embeddings_are_read_without_reading_all_of_their_numbers(answer, dimensions, usage, indent):
    run = Heard(input_count=1).whole(json.dumps(answer, indent=indent))
    assert (run.dimensions, run.reported, run.finish_reason) == (dimensions, usage, None)


@pytest.mark.parametrize(
    "odd",
    [
        "[]",
        "null",
        "no JSON",
        "5",
        {"candidates": [5]},
        {"candidates": 5},
        {"candidates": [{"content": {"parts": [5]}}]},
        {"candidates": [], "promptFeedback": 5},
        {"usageMetadata": {"promptTokenCount": "many"}},
        {"usageMetadata": {"promptTokenCount": -1}},
        {"usageMetadata": 5},
    ],
)
def test_what_cannot_be_read_is_counted_once_and_never_raises(odd):
    streamed, whole = Heard(), Heard()
    assert streamed.chunks(odd, odd) == [False, False]
    assert whole.whole(odd).reported is None
    assert (streamed.surprises, whole.surprises) == ([1], [1])

"""Rate limits as providers write them into the headers of their answers."""

from __future__ import annotations

import pytest

from polymeter.events.rate_limits import RateLimitReported
from polymeter.sources import start_inference
from polymeter.sources.emitters import InferenceEmitters
from polymeter.sources.installs import Audience
from polymeter.sources.rate_limits import report

OPENAI = {
    "x-ratelimit-limit-requests": "5000",
    "x-ratelimit-remaining-requests": "4999",
    "x-ratelimit-reset-requests": "12ms",
    "x-ratelimit-limit-tokens": "4000000",
    "x-ratelimit-remaining-tokens": "3999979",
    "x-ratelimit-reset-tokens": "6m0s",
}
ANTHROPIC = {
    "date": "Sat, 15 Mar 2025 09:38:20 GMT",
    "anthropic-ratelimit-requests-limit": "4000",
    "anthropic-ratelimit-requests-remaining": "3999",
    "anthropic-ratelimit-requests-reset": "2025-03-15T09:38:22Z",
    "anthropic-ratelimit-input-tokens-remaining": "400000",
    "anthropic-ratelimit-output-tokens-reset": "2025-03-15T09:38:26Z",
}


@pytest.fixture
def told(ear):
    """Give a function that reports headers and gives what was told of them."""

    def told(headers):
        ear.events.clear()
        report(Audience((InferenceEmitters(ear.dispatcher),)), "p", "m", headers)
        return [(each.kind, each.limit, each.remaining, each.reset_seconds) for each in ear.all(RateLimitReported)]

    return told


def test_each_limit_is_told_by_itself(told, ear):
    assert told(OPENAI) == [("requests", 5000, 4999, 0.012), ("tokens", 4_000_000, 3_999_979, 360.0)]
    assert {(event.provider, event.model, event.at) for event in ear.events} == {("p", "m", ear.clock.wall())}


def test_moments_count_from_that_of_the_answer(told):
    """What is not said is not known."""
    assert told(ANTHROPIC) == [
        ("requests", 4000, 3999, 2.0),
        ("input_tokens", None, 400_000, None),
        ("output_tokens", None, None, 6.0),
    ]


def test_without_the_moment_of_the_answer_they_count_from_now(told, clock):
    clock.set_wall(1_742_031_500.0)  # 2025-03-15T09:38:20Z
    assert told({"anthropic-ratelimit-requests-reset": "2025-03-15T09:38:22Z"}) == [("requests", None, None, 2.0)]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1.0),
        ("0s", 0.0),
        ("16.601s", 16.601),
        ("1h2m3s", 3723.0),
        ("1d", 86400.0),
        ("7.66s", 7.66),
        ("1", 1.0),
        ("-1", 0.0),
        ("2025-03-15T09:38:22", None),
        ("soon", None),
        ("1s later", None),
        ("nan", None),
        ("inf", None),
    ],
)
def test_waits_are_read_in_all_their_forms(told, text, seconds):
    headers = {"x-ratelimit-remaining-requests": "1", "x-ratelimit-reset-requests": text}
    assert told(headers) == [("requests", None, 1, pytest.approx(seconds))]


def test_headers_that_make_no_sense_say_nothing(told):
    assert told({"x-ratelimit-limit-tokens": "many", "x-ratelimit-remaining-tokens": "-1"}) == []
    assert told({}) == []


def test_a_run_may_report_them_too(ear):
    run = start_inference(ear.dispatcher, model="m")
    report(run, "p", "m", OPENAI)
    run.end("cancelled")
    assert len(ear.all(RateLimitReported)) == 2


def test_headers_are_not_looked_at_if_nobody_listens():
    class Untouchable:
        def get(self, name, /):
            raise AssertionError(name)

    report(Audience(), "p", "m", Untouchable())

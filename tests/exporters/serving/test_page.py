"""What a request gets, whoever brings it."""

from __future__ import annotations

import gzip
import logging

import pytest

from polymeter.errors import DefinitionError
from polymeter.exporters.serving import Basic, Bearer
from polymeter.exporters.serving.page import Page
from polymeter.testing import ManualClock
from tests.exporters.serving.stand_in import PLAIN, StandIn, answer_of, fail, get


def test_get_gives_what_is_rendered():
    assert answer_of(Page(StandIn(b"a 1\n", b"", b"b 2\n")), get()) == (
        200,
        {
            "content-type": PLAIN,
            "vary": "Accept, Accept-Encoding",
            "cache-control": "no-store",
            "content-length": "27",
        },
        b"renderings_total 1\na 1\nb 2\n",
    )


def test_each_request_is_rendered_anew():
    page = Page(StandIn())
    assert [answer_of(page, get())[2] for _ in range(2)] == [b"renderings_total 1\n", b"renderings_total 2\n"]


def test_what_is_rendered_may_be_empty():
    page = Page(StandIn())
    page.renderings._exposer.rendered = lambda: iter(())
    assert answer_of(page, get())[::2] == (200, b"")


def test_what_is_accepted_and_the_names_are_passed_on():
    exposer = StandIn()
    answer_of(
        Page(exposer), get(accept="application/openmetrics-text", query="name[]=a_total&x=1&name%5B%5D=b&name[]=b")
    )
    assert exposer.asked == [("application/openmetrics-text", ("a_total", "b"))]


def test_head_says_what_get_would_and_renders_nothing():
    exposer = StandIn()
    page = Page(exposer)
    status, headers, body = answer_of(page, get("HEAD", accept_encoding="gzip"))
    assert (status, body, exposer.begun) == (200, b"", 0)
    of_get = answer_of(page, get(accept_encoding="gzip"))[1]
    assert headers == {name: value for name, value in of_get.items() if name != "content-length"}


@pytest.mark.parametrize("path", ["/elsewhere", "/metrics/"])
def test_head_of_what_is_not_there_has_no_body_either(path):
    status, headers, body = answer_of(Page(StandIn(), path="/metrics"), get("HEAD", path))
    assert (status, body) == (404, b"")
    assert int(headers["content-length"]) > 0


def test_options_tells_the_methods():
    assert answer_of(Page(StandIn()), get("OPTIONS")) == (204, {"allow": "GET, HEAD, OPTIONS"}, b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "BREW", "get"])
def test_other_methods_are_refused_with_those_that_there_are(method):
    status, headers, _ = answer_of(Page(StandIn()), get(method))
    assert (status, headers["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_other_paths_say_where_the_metrics_are():
    status, _, body = answer_of(Page(StandIn(), path="/internal/metrics"), get(path="/"))
    assert (status, body) == (404, b"There is only /internal/metrics here.\n")


def test_without_a_path_of_its_own_a_page_is_everywhere():
    assert answer_of(Page(StandIn()), get(path="/any/thing"))[0] == 200


def test_gzip_is_for_who_accepts_it():
    page = Page(StandIn(b"a 1\n" * 10_000, b"b 2\n"))
    _, headers, body = answer_of(page, get(accept_encoding="gzip, deflate"))
    assert (headers["content-encoding"], headers["content-length"]) == ("gzip", str(len(body)))
    assert gzip.decompress(body) == b"renderings_total 1\n" + b"a 1\n" * 10_000 + b"b 2\n"
    assert len(body) < 1000
    assert "content-encoding" not in answer_of(page, get(accept_encoding="gzip;q=0"))[1]


def test_gzip_can_be_left_to_somebody_else():
    _, headers, body = answer_of(Page(StandIn(), gzip=False), get(accept_encoding="gzip"))
    assert (headers["vary"], body) == ("Accept", b"renderings_total 1\n")
    assert "content-encoding" not in headers


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
@pytest.mark.parametrize(
    ("auth", "challenge"),
    [
        (Bearer("s3cret"), 'Bearer realm="metrics"'),
        (Basic("me", "s3cret"), 'Basic realm="metrics", charset="UTF-8"'),
    ],
    ids=["bearer", "basic"],
)
def test_without_the_credential_there_is_nothing_but_a_401(auth, challenge, method):
    exposer = StandIn()
    for header in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic d3Jvbmc6d3Jvbmc="}):
        status, headers, body = answer_of(Page(exposer, auth=auth), get(method, **header))
        assert (status, headers["www-authenticate"]) == (401, challenge)
        assert b"s3cret" not in body
    assert exposer.asked == []


def test_with_the_credential_there_are_the_metrics():
    page = Page(StandIn(), auth=Bearer("s3cret"))
    assert answer_of(page, get(authorization="Bearer s3cret"))[0] == 200


@pytest.mark.parametrize("slices", [[fail], [b"a 1\n", fail]], ids=["at once", "late"])
def test_what_fails_is_a_500_without_details(slices):
    status, headers, body = answer_of(Page(StandIn(*slices)), get(accept_encoding="gzip"))
    assert (status, body) == (500, b"The metrics could not be rendered.\n")
    assert "content-encoding" not in headers


def test_an_exposer_that_fails_before_anything_is_rendered_is_a_500_too():
    exposer = StandIn()
    exposer.exposition = lambda *_, **__: fail()
    assert [answer_of(Page(exposer), get(method))[0] for method in ("GET", "HEAD")] == [500, 500]


def test_failures_are_logged_by_type_once_a_minute(caplog):
    clock = ManualClock()
    page = Page(StandIn(fail), clock=clock)
    for seconds in (0, 1, 58.9, 0.1):
        clock.advance(seconds)
        answer_of(page, get())
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    assert all("ZeroDivisionError" in line and "secret" not in line for line in caplog.messages)
    assert "(4 failures so far" in caplog.messages[1]


def test_a_log_handler_that_fails_changes_no_answer(monkeypatch):
    page = Page(StandIn(fail))
    monkeypatch.setattr(page.renderings._logger, "warning", lambda *_: fail())
    assert answer_of(page, get())[0] == 500


@pytest.mark.parametrize("exposer", [None, object(), "metrics"])
def test_what_cannot_be_exposed_cannot_be_served(exposer):
    with pytest.raises(DefinitionError, match=rf"{type(exposer).__name__} has no exposition\(\).*PrometheusExporter"):
        Page(exposer)

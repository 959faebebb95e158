"""Installing and undoing: who hears what, what it costs when nobody does, and that libraries are left as they were."""

from __future__ import annotations

import asyncio
import functools
import gc
import importlib.metadata
import logging
import os
import re
import sys

import aiohttp
import httpx
import httpx2
import pytest
import requests
import urllib3

from polymeter.contracts import CanEmitEvents
from polymeter.errors import DefinitionError, MissingExtraError
from polymeter.events import EventDispatcher
from polymeter.events.http import HttpRequestCompleted, HttpRequestStarted
from polymeter.sources import HttpSource, http_aiohttp, http_httpx, http_libraries, http_requests
from polymeter.testing.clock import ManualClock
from tests.interpreter import SRC, answer_of
from tests.sources.http.conftest import Ear

PATCHED = [
    (httpx.HTTPTransport, "handle_request"),
    (httpx.AsyncHTTPTransport, "handle_async_request"),
    (httpx2.HTTPTransport, "handle_request"),
    (httpx2.AsyncHTTPTransport, "handle_async_request"),
    (requests.adapters.HTTPAdapter, "send"),
    (urllib3.HTTPConnectionPool, "urlopen"),
    (urllib3.Retry, "increment"),
    (aiohttp.ClientSession, "_request"),
    (aiohttp.BaseConnector, "connect"),
    (aiohttp.ClientRequest, "send"),
]
FOUND = [vars(owner)[name] for owner, name in PATCHED]


def now():
    return [vars(owner)[name] for owner, name in PATCHED]


@pytest.fixture(autouse=True)
def restored():
    """Every test leaves the libraries as they were found."""
    yield
    assert all(one is other for one, other in zip(now(), FOUND, strict=True))


def test_it_is_a_source():
    assert isinstance(HttpSource(), CanEmitEvents)


def test_undoing_gives_the_methods_back_by_identity(ear):
    subscription = HttpSource().install(ear.dispatcher)
    assert not any(one is other for one, other in zip(now(), FOUND, strict=True))
    subscription.cancel()
    assert all(one is other for one, other in zip(now(), FOUND, strict=True))


def test_if_one_library_cannot_be_patched_none_is(ear, monkeypatch):
    source = HttpSource()
    with monkeypatch.context() as patch:
        patch.delattr(urllib3.Retry, "increment")  # the third that is patched for requests, which comes third
        with pytest.raises(AttributeError, match="increment"):
            source.install(ear.dispatcher)
    assert source.health().installs == 0


def test_only_the_libraries_that_are_named_are_listened_to(ear, server):
    with HttpSource(["requests"]).install(ear.dispatcher):
        assert now()[:4] == FOUND[:4]
        assert now()[7:] == FOUND[7:]
        httpx.get(f"{server.url}/text", trust_env=False)
        requests.get(f"{server.url}/text", timeout=5)
    assert [end.library for end in ear.ends] == ["requests"]


def test_the_patches_go_with_the_last_of_many_installs(ear, server, caller):
    one, two, other = HttpSource(), HttpSource(), Ear()
    installs = [
        one.install(ear.dispatcher),
        one.install(ear.dispatcher),
        two.install(ear.dispatcher),
        two.install(other.dispatcher),
    ]
    assert (one.health().installs, two.health().installs) == (2, 2)
    url = f"{server.url}/text"
    caller.get(url)
    assert (ear.outcomes, other.outcomes) == (["ok"], ["ok"])
    for install in (*installs[:3], installs[0]):
        install.cancel()
    caller.get(url)
    assert (ear.outcomes, other.outcomes) == (["ok"], ["ok"] * 2)
    installs[3].cancel()
    caller.get(url)
    assert (ear.outcomes, other.outcomes) == (["ok"], ["ok"] * 2)
    assert (one.health().installs, two.health().installs) == (0, 0)
    assert (one.health().started, two.health().started) == (1, 2)


def test_two_dispatchers_hear_the_same_on_clocks_of_their_own(server, caller):
    one, two, given = Ear(ManualClock()), Ear(ManualClock()), ManualClock(start=5.0)
    with HttpSource().install(one.dispatcher), HttpSource(clock=given).install(two.dispatcher):
        caller.get(f"{server.url}/text")
    assert one.end.request_id == two.end.request_id
    assert (one.end.at, two.end.at) == (1_700_000_000.0, 5.0)


def test_nobody_listening_nothing_is_made(server, caller, monkeypatch):
    def made(*_, **__):
        raise AssertionError

    for module in (http_httpx, http_requests, http_aiohttp):
        monkeypatch.setattr(module, "HttpRun", made)
    monkeypatch.setattr(http_aiohttp, "_Call", made)
    source = HttpSource()
    with source.install(EventDispatcher()):
        caller.get(f"{server.url}/text", f"{server.url}/redirect")
    assert (source.health().started, source.health().surprises) == (0, 0)


@pytest.mark.parametrize("kind", [HttpRequestStarted, HttpRequestCompleted])
def test_only_the_events_that_somebody_listens_to_are_told(server, caller, kind):
    dispatcher, heard = EventDispatcher(), []
    dispatcher.add_listener(kind, heard.append)
    with HttpSource().install(dispatcher):
        caller.get(f"{server.url}/text")
    assert [type(event) for event in heard] == [kind]


def test_what_another_library_wrapped_in_between_stays_and_ours_passes_through(ear, server, caller, caplog):
    calls = []

    def wrap(owner, name):
        below = vars(owner)[name]

        @functools.wraps(below)
        def theirs(*args, **kwargs):
            calls.append(name)
            return below(*args, **kwargs)

        setattr(owner, name, theirs)
        return theirs

    undo = HttpSource().install(ear.dispatcher)
    theirs = [wrap(owner, name) for owner, name in PATCHED]
    try:
        with caplog.at_level(logging.WARNING):
            undo.cancel()
        assert len(caplog.records) == len(PATCHED)
        assert now() == theirs
        caller.get(f"{server.url}/text")
        assert calls
        assert ear.events == []
        with HttpSource().install(ear.dispatcher):  # above theirs, with an old one of ours below
            caller.get(f"{server.url}/text")
        assert ear.outcomes == ["ok"]
        assert now() == theirs
    finally:
        for (owner, name), found in zip(PATCHED, FOUND, strict=True):
            setattr(owner, name, found)


def test_a_failing_listener_is_no_concern_of_the_caller(server, caller):
    dispatcher = EventDispatcher()
    dispatcher.add_listener(object, lambda _: 1 / 0)
    with HttpSource().install(dispatcher):
        assert caller.get(f"{server.url}/text")


def test_a_request_that_cannot_be_read_is_counted_and_sent(server, caller, monkeypatch):
    def unreadable(*_, **__):
        raise ValueError

    source = HttpSource()
    for module in (http_httpx, http_requests, http_aiohttp):
        monkeypatch.setattr(module, "HttpRun", unreadable)
    ear = Ear()
    with source.install(ear.dispatcher):
        assert caller.get(f"{server.url}/text")
    assert ear.events == []
    assert (source.health().surprises, source.health().started) == (1, 0)


def test_an_answer_that_cannot_be_followed_is_counted_and_handed_out(ear, server):
    class Sealed(aiohttp.ClientResponse):
        def __init_subclass__(cls):
            raise TypeError

    async def main():
        async with aiohttp.ClientSession(server.url, response_class=Sealed) as session:
            return await (await session.get("/text")).read()

    source = HttpSource(["aiohttp"])
    with source.install(ear.dispatcher):
        assert asyncio.run(main())
    assert ear.outcomes == ["ok"]
    assert (source.health().surprises, source.health().active) == (1, 0)


def test_a_httpx_that_is_httpx2_is_listened_to_once(server):
    code = f"""
import sys, json; sys.path.insert(0, {str(SRC)!r})
import httpx2; httpx2.alias_httpx()
import httpx
from polymeter.events import EventDispatcher
from polymeter.events.http import HttpRequestCompleted
from polymeter.sources import HttpSource
heard = []
events = EventDispatcher()
events.add_listener(HttpRequestCompleted, heard.append)
for libraries in (None, ["httpx"], ["httpx", "httpx2"]):
    with HttpSource(libraries).install(events):
        httpx.get("{server.url}/text")
print(json.dumps([(event.library, event.outcome) for event in heard]))
"""
    assert answer_of(code) == [["httpx2", "ok"]] * 3


def test_importing_the_source_imports_no_library():
    code = f"""
import sys, json; sys.path.insert(0, {str(SRC)!r})
from polymeter.sources import HttpSource
HttpSource(["requests"])
print(json.dumps(sorted({{"httpx", "httpx2", "requests", "urllib3", "aiohttp"}} & set(sys.modules))))
"""
    assert answer_of(code) == []


def test_a_library_that_is_missing_is_named(ear, monkeypatch):
    version = importlib.metadata.version
    monkeypatch.setattr(http_libraries, "installed_version", lambda name: None if name == "aiohttp" else version(name))
    with pytest.raises(MissingExtraError, match=re.escape("HttpSource needs aiohttp >=3.9,<4, which is not installed")):
        HttpSource(["requests", "aiohttp"]).install(ear.dispatcher)


def test_without_names_a_library_that_is_missing_is_done_without(ear, server, monkeypatch):
    monkeypatch.setattr("polymeter.sources.http.installed_version", lambda name: None if name == "aiohttp" else "1")
    with HttpSource().install(ear.dispatcher):
        assert now()[-1] is FOUND[-1]
        requests.get(f"{server.url}/text", timeout=5)
    assert ear.outcomes == ["ok"]


def test_without_names_there_must_be_one(ear, monkeypatch):
    monkeypatch.setattr("polymeter.sources.http.installed_version", lambda _: None)
    with pytest.raises(MissingExtraError, match="found none of httpx, httpx2, requests, aiohttp"):
        HttpSource().install(ear.dispatcher)


def test_a_library_of_another_version_is_named_or_left_out(ear, monkeypatch, caplog):
    monkeypatch.setattr(http_libraries, "installed_version", lambda _: "0.20.0")
    with pytest.raises(MissingExtraError, match=re.escape("httpx >=0.25,<1, and httpx 0.20.0 is installed: pip")):
        HttpSource(["httpx"]).install(ear.dispatcher)
    with pytest.raises(MissingExtraError, match="found none"):
        HttpSource().install(ear.dispatcher)
    assert "leaves out httpx >=0.25,<1, and httpx 0.20.0 is installed" in caplog.text


def test_a_library_that_cannot_be_imported_is_named(ear, monkeypatch):
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    with pytest.raises(MissingExtraError, match="which cannot be imported"):
        HttpSource(["aiohttp"]).install(ear.dispatcher)


@pytest.mark.parametrize("libraries", [["urllib"], [], ["httpx", "curl"]])
def test_libraries_that_nobody_knows_are_refused(libraries):
    with pytest.raises(DefinitionError, match="knows httpx, httpx2, requests, aiohttp"):
        HttpSource(libraries)


def test_one_name_is_no_list():
    with pytest.raises(DefinitionError, match=re.escape("write libraries=('httpx',)")):
        HttpSource("httpx")


def test_it_says_what_it_is():
    assert repr(HttpSource()) == "HttpSource()"
    assert repr(HttpSource(["httpx"])) == "HttpSource(('httpx',))"


def test_a_copy_in_a_forked_child_says_nothing(ear, server):
    with HttpSource().install(ear.dispatcher), httpx.Client(trust_env=False) as client:
        opened = client.send(client.build_request("GET", f"{server.url}/long"), stream=True)
        child = os.fork()
        if child == 0:
            opened.close()
            del opened
            gc.collect()
            os._exit(len(ear.ends))
        assert os.waitpid(child, 0)[1] == 0
        opened.close()
    assert ear.outcomes == ["cancelled"]

"""Every way in which an answer can end, with clients that are not asynchronous."""

from __future__ import annotations

import gc
import shutil
import signal
import subprocess
import sys
import weakref

import httpx
import httpx2
import pytest
import requests
import urllib3

from polymeter.sources import HttpSource
from tests.interpreter import ROOT, bare_environment
from tests.sources.http.server import PIECE, TEXT, ZIPPED

pytestmark = pytest.mark.usefixtures("no_collection", "source")


class Interrupted(BaseException):
    """What a signal handler raises."""


@pytest.fixture
def client(library):
    with library.client() as client:
        yield client


@pytest.fixture
def answer(library, client, server):
    """Give a function that opens an answer, so that no fixture holds one."""
    return lambda path: library.open(client, f"{server.url}/{path}")


def dropped(ear):
    """Give the outcomes, collecting garbage if the library needs that to let go of an answer."""
    gc.collect()
    return ear.outcomes


def test_read_to_its_end(ear, library, answer):
    opened = answer("chunks/5")
    assert ear.ends == []
    assert b"".join(library.pieces(opened)) == 5 * PIECE
    assert (ear.end.outcome, ear.end.response_bytes) == ("ok", 5 * len(PIECE))


@pytest.mark.parametrize("path", ["text", "gzip", "chunks", "until_closed"])
def test_ended_twice(ear, library, answer, path):
    opened = answer(path)
    for _ in library.pieces(opened):
        pass
    library.close(opened)
    library.close(opened)
    del opened
    gc.collect()
    assert ear.outcomes == ["ok"]


def test_broken_off_and_closed(ear, library, answer):
    opened = answer("endless")
    for _ in library.pieces(opened):
        break
    library.close(opened)
    library.close(opened)
    assert (ear.end.outcome, ear.end.http_status) == ("cancelled", 200)
    assert 0 < ear.end.response_bytes <= len(PIECE)


@pytest.mark.parametrize("path", ["endless", "long"])
def test_closed_unread(ear, library, answer, path):
    library.close(answer(path))
    assert (ear.end.outcome, ear.end.response_bytes) == ("cancelled", 0)


@pytest.mark.parametrize("path", ["endless", "long"])
def test_dropped_unread(ear, library, answer, path):
    answer(path)
    assert ear.outcomes == (["abandoned"] if library.dropped_at_once else [])
    assert dropped(ear) == ["abandoned"]


@pytest.mark.parametrize("path", ["endless", "long"])
def test_broken_off_and_dropped(ear, library, answer, path):
    def loop():
        for _ in library.pieces(answer(path)):
            break

    loop()
    assert dropped(ear) == [library.left]


def test_an_exception_in_the_loop(ear, library, answer):
    def loop():
        for _ in library.pieces(answer("endless")):
            raise LookupError

    with pytest.raises(LookupError):
        loop()
    assert dropped(ear) == [library.left]


def test_an_exception_in_a_block_that_closes_it(ear, library, answer):
    def block():
        opened = answer("endless")
        try:
            next(iter(library.pieces(opened)))
            raise LookupError
        finally:
            library.close(opened)

    with pytest.raises(LookupError):
        block()
    assert ear.outcomes == ["cancelled"]


def test_the_server_breaks_it_off(ear, library, answer):
    opened = answer("drop/1")
    with pytest.raises(library.failures):
        list(library.pieces(opened))
    assert (ear.end.outcome, ear.end.error_type) == ("error", library.broken)
    library.close(opened)


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # of urllib3, also without us
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_collected_as_garbage(ear, library, answer):
    opened = answer("endless")
    holder = [opened]
    holder.append(holder)
    del opened, holder
    assert ear.outcomes == []
    assert dropped(ear) == ["abandoned"]


@pytest.mark.parametrize("path", ["silence", "endless"])
def test_an_interrupt_while_it_is_awaited(ear, library, answer, path):
    """What cancelling is to a task."""

    def interrupt(*_):
        raise Interrupted

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(Interrupted):
            list(library.pieces(answer(path)))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert ear.outcomes == ["cancelled"]


def test_uninstalled_before_it_ends(ear, library, client, server, source):
    """What is under way is told to its end."""
    other = HttpSource()
    with other.install(ear.dispatcher):
        opened = library.open(client, f"{server.url}/chunks")
        again = library.open(client, f"{server.url}/chunks")
    assert other.health().active == 2
    for _ in library.pieces(opened):
        pass
    library.close(again)
    assert ear.outcomes == ["ok", "cancelled"]
    assert other.health().active == 0


def test_nothing_of_ours_is_left_on_an_answer_that_has_ended(ear, library, answer):
    opened = answer("text")
    thing = opened.raw if library.name == "requests" else opened
    for _ in library.pieces(opened):
        pass
    assert type(thing) in {urllib3.HTTPResponse, httpx.Response, httpx2.Response}
    assert not [name for name in vars(thing) if "polymeter" in name]


def test_reading_from_the_raw_answer_of_requests(ear, server, tmp_path):
    with requests.Session() as session:
        for path, size in (("gzip", len(ZIPPED)), ("chunks", 3 * len(PIECE)), ("text", len(TEXT))):
            with session.get(f"{server.url}/{path}", stream=True) as opened, (tmp_path / path).open("wb") as file:
                shutil.copyfileobj(opened.raw, file)
            assert (tmp_path / path).stat().st_size == size
    assert [(end.outcome, end.response_bytes) for end in ear.ends] == [
        ("ok", len(ZIPPED)),
        ("ok", 3 * len(PIECE)),
        ("ok", len(TEXT)),
    ]


def test_a_dropped_answer_of_requests_is_freed_at_once_as_without_us(ear, server):
    with requests.Session() as session:
        opened = session.get(f"{server.url}/endless", stream=True)
        raw = weakref.ref(opened.raw)
        del opened
        assert raw() is None
    assert ear.outcomes == ["abandoned"]


def test_the_rest_of_a_body_of_known_length_need_not_be_asked_for(ear, library, answer):
    """The caller has all of it, and closes without looking for the end."""
    opened = answer("text")
    got = b""
    for piece in library.pieces(opened):
        got += piece
        if got == TEXT:
            break
    library.close(opened)
    assert ear.outcomes == ["ok"]


def test_the_interpreter_exits(server, library):
    code = f"""
from polymeter.events import EventDispatcher
from polymeter.events.http import HttpRequestCompleted
from polymeter.sources import HttpSource
import {library.name}

events = EventDispatcher()
events.add_listener(HttpRequestCompleted, lambda event: print(event.outcome, event.http_status, flush=True))
HttpSource([{library.name!r}]).install(events)
if {library.name!r} == "requests":
    session = requests.Session()
    opened = session.get("{server.url}/endless", stream=True)
else:
    client = {library.name}.Client()
    opened = client.send(client.build_request("GET", "{server.url}/endless"), stream=True)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=bare_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "abandoned 200\n"

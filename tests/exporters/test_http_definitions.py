"""What HttpTransport refuses when it is made, what it sends, and what it never shows."""

from __future__ import annotations

import gzip
import pickle
import ssl
import traceback
from importlib.metadata import version

import pytest

from polymeter.errors import DefinitionError, DeliveryError
from polymeter.exporters.http import HttpTransport
from polymeter.exporters.http.address import address_of
from polymeter.testing import FaultServer

SECRET = "s3cr3t"


@pytest.fixture
def server():
    with FaultServer() as server:
        yield server


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("localhost:9091", "start with http"),
        ("", "start with http"),
        (f"ftp://user:{SECRET}@host", "start with http"),
        (f"http://host/{SECRET}\n", "percent-encode"),
        (f"http://host/a b?{SECRET}", "percent-encode"),
        ("http://h\xf6st", "percent-encode"),
        (f"http:///{SECRET}", "no host"),
        (f"http://host:0/{SECRET}", "no host"),
        (f"http://host:port/{SECRET}", "expected host:port"),
        (f"http://host:99999/{SECRET}", "expected host:port"),
        (f"http://[::1/{SECRET}", "expected host:port"),
        (f"http://{'a' * 70}/{SECRET}", "expected host:port"),
        (f"http://host/#{SECRET}", "behind #"),
        (None, "http://localhost:9091"),
        (b"http://host", "http://localhost:9091"),
    ],
)
def test_a_url_that_cannot_be_is_refused_and_not_quoted(url, says):
    with pytest.raises(DefinitionError, match=says) as caught:
        HttpTransport(url)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({"X-Token": f"{SECRET}\n"}, "strip it"),
        ({"X-Token": f"{SECRET}\r\nX: y"}, "line break"),
        ({"X-Token": "\u2026"}, "Latin-1"),
        ({"X-Token": 1}, "Latin-1"),
        ({"X Token": "a"}, "'X Token'"),
        ({"X:": "a"}, "'X:'"),
        ({"": "a"}, "no name"),
        ({"Content-Length": "1"}, "leave it out"),
        ({"Transfer-Encoding": "chunked"}, "leave it out"),
    ],
)
def test_a_header_that_cannot_be_sent_is_refused_and_its_value_not_quoted(server, headers, says):
    with pytest.raises(DefinitionError, match=says) as caught:
        HttpTransport(server.url, headers=headers)
    assert SECRET not in str(caught.value)
    with pytest.raises(DefinitionError, match=says):
        HttpTransport(server.url).send("PUT", "/", headers=headers)


@pytest.mark.parametrize("auth", ["token", ("user",), ("user", None), ["user", "password"]])
def test_credentials_of_another_shape_are_refused(auth):
    with pytest.raises(DefinitionError, match="Bearer"):
        HttpTransport("http://host", auth=auth)


@pytest.mark.parametrize("auth", [("us:er", SECRET), ("user", f"{SECRET}\n"), ("user\0", SECRET), ("\udcff", SECRET)])
def test_credentials_that_no_server_would_understand_are_refused_and_not_quoted(auth):
    with pytest.raises(DefinitionError, match="strip it") as caught:
        HttpTransport("http://host", auth=auth)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"url": "http://a:b@host", "auth": ("a", "b")},
        {"url": "http://host", "auth": ("a", "b"), "headers": {"authorization": "x"}},
        {"url": "http://a@host", "headers": {"Authorization": "x"}},
    ],
)
def test_credentials_that_are_given_twice_are_refused(options):
    with pytest.raises(DefinitionError, match="twice"):
        HttpTransport(**options)


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_time_out_without_time_is_refused(timeout):
    with pytest.raises(DefinitionError, match="no time"):
        HttpTransport("http://host", timeout=timeout)


def test_tls_that_has_no_use_or_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(DefinitionError, match="https://"):
        HttpTransport("http://host", tls=ssl.create_default_context())
    with pytest.raises(DefinitionError, match=r"missing\.pem"):
        HttpTransport("https://host", tls=tmp_path / "missing.pem")
    (tmp_path / "empty.pem").touch()
    with pytest.raises(DefinitionError, match=r"empty\.pem"):
        HttpTransport("https://host", tls=str(tmp_path / "empty.pem"))
    with pytest.raises(DefinitionError, match="SSLContext"):
        HttpTransport("https://host", tls=True)


@pytest.mark.parametrize("path", ["/a b", "/a\r\nX: y", "/\xe4", "a"])
def test_a_path_that_cannot_be_sent_is_refused(path):
    with pytest.raises(DefinitionError, match="percent-encoded"):
        HttpTransport("http://host").send("PUT", path)


def test_a_proxy_that_is_not_spoken_to_by_http_is_refused(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", f"socks5://user:{SECRET}@proxy:1080")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(DefinitionError, match=r"NO_PROXY=gateway\.example") as caught:
        HttpTransport("https://gateway.example")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "path", "target", "text", "host"),
    [
        ("http://Host", "", "/", "host:80", "host"),
        ("https://host", "/x", "/x", "host:443", "host"),
        ("http://host:9091/", "/x", "/x", "host:9091", "host:9091"),
        ("http://host/base/", "/x", "/base/x", "host:80", "host"),
        ("http://host/base/", "", "/base/", "host:80", "host"),
        ("HTTP://host?k=v", "", "/?k=v", "host:80", "host"),
        ("http://host/base?k=v", "/x", "/base/x?k=v", "host:80", "host"),
        ("http://[::1]:9091", "/x", "/x", "[::1]:9091", "[::1]:9091"),
        ("https://user:password@host:443", "/x", "/x", "host:443", "host"),
    ],
)
def test_a_url_is_taken_apart(url, path, target, text, host):
    address = address_of(url)
    assert (address.target(path), str(address), address.host_header) == (target, text, host)


def test_what_is_sent(server):
    url = server.url.replace("//", "//us%40er:p%C3%A4ss@") + "/base?key=1"
    transport = HttpTransport(url, headers={"X-Scope-OrgID": "team"})
    transport.send("POST", "/push", b"x" * 2000, "text/plain", headers={"X-More": "1"})
    transport.send("POST", "/push", b"x" * 1023, "text/plain")
    transport.send("POST", "/push", b"y" * 2000, headers={"Content-Encoding": "snappy"})
    transport.send("DELETE", "/push")
    big, small, encoded, empty = server.requests
    assert (big.method, big.path) == ("POST", "/base/push?key=1")
    assert big.headers == {
        "host": server.url.partition("//")[2],
        "user-agent": f"polymeter/{version('polymeter')}",
        "accept-encoding": "identity",
        "authorization": "Basic dXNAZXI6cMOkc3M=",
        "x-scope-orgid": "team",
        "x-more": "1",
        "content-type": "text/plain",
        "content-encoding": "gzip",
        "content-length": str(len(big.body)),
    }
    assert gzip.decompress(big.body) == b"x" * 2000
    assert small.body == b"x" * 1023
    assert "content-encoding" not in small.headers
    assert (encoded.body, encoded.headers["content-encoding"]) == (b"y" * 2000, "snappy")
    assert "content-length" not in empty.headers
    transport.close()


def test_users_may_name_themselves_and_choose_no_compression(server):
    transport = HttpTransport(server.url, auth=("a", "b"), headers={"User-Agent": "mine"}, gzip=False)
    transport.send("POST", "/", b"x" * 5000)
    [request] = server.requests
    assert (request.headers["user-agent"], request.headers["authorization"]) == ("mine", "Basic YTpi")
    assert request.body == b"x" * 5000
    transport.close()


@pytest.mark.parametrize("fault", ["refused", "unavailable", "accepted_then_reset", "endless"])
def test_nothing_but_host_and_port_is_ever_shown(server, fault):
    server.behaves(fault)
    url = server.url.replace("//", f"//user:{SECRET}@") + f"/{SECRET}?key={SECRET}"
    transport = HttpTransport(url, headers={"X-Token": SECRET}, timeout=0.2)
    with pytest.raises(DeliveryError) as caught:
        transport.send("POST", f"/{SECRET}", SECRET.encode(), headers={"X-More": SECRET})
    shown = f"{transport!r} {caught.value!r} {''.join(traceback.format_exception(caught.value))}"
    assert SECRET not in shown.replace("{SECRET}", "").replace("SECRET", "")
    assert repr(transport) == f"HttpTransport({server.url.partition('//')[2]!r})"


def test_an_answer_shows_its_status_alone(server):
    transport = HttpTransport(server.url)
    response = transport.send("PUT", "/", b"x")
    assert repr(response) == "Response(status=200)"
    assert response.headers["content-length"] == "0"
    transport.close()


def test_an_error_survives_pickle():
    error = DeliveryError("no", reason="throttled", is_ambiguous=True, retry_after=3.0)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert (str(again), again.reason, again.is_ambiguous, again.retry_after) == ("no", "throttled", True, 3.0)

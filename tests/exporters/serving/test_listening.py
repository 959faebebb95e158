"""Where a server listens, what is said if it cannot, and who is warned of what."""

from __future__ import annotations

import errno
import pickle
import socket
import ssl
import subprocess
import threading
from contextlib import suppress
from urllib.request import HTTPSHandler, ProxyHandler, build_opener

import pytest

from polymeter.errors import DefinitionError, PolymeterError
from polymeter.exporters.serving import Basic, CannotServeError, serve
from tests.exporters.serving.stand_in import StandIn
from tests.exporters.serving.visiting import GET, PATIENCE, all_of, ask, connected, said


def test_a_port_that_is_taken_is_named_with_what_would_do():
    threads = threading.active_count()
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(
            CannotServeError, match=f"port {port} is taken on 127.0.0.1: choose another.*port=0"
        ) as refused:
            serve(StandIn(), port)
    assert refused.value.errno == errno.EADDRINUSE
    assert isinstance(refused.value, OSError)
    assert isinstance(refused.value, PolymeterError)
    assert threading.active_count() == threads


def test_the_error_survives_pickling():
    error = CannotServeError("cannot", errno.EACCES)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert (type(copy), str(copy), copy.errno) == (CannotServeError, "cannot", errno.EACCES)


@pytest.mark.parametrize("host", ["203.0.113.1", "no.such.host.invalid", "\ud800", "a" * 300])
def test_a_host_that_is_not_here_is_named_with_what_would_do(host):
    with pytest.raises(CannotServeError, match=r"cannot be listened on .*such as 127\.0\.0\.1"):
        serve(StandIn(), 0, host)


@pytest.mark.parametrize("port", [-1, 65536, "9464", None, True, 1.5])
def test_a_port_that_is_none_is_refused(port):
    with pytest.raises(DefinitionError, match="give a number from 1 to 65535, or 0"):
        serve(StandIn(), port)


@pytest.mark.parametrize("host", ["", None, 0])
def test_a_host_that_is_none_is_refused(host):
    with pytest.raises(DefinitionError, match="give a name or an address"):
        serve(StandIn(), 0, host)


def test_on_loopback_nobody_is_warned(caplog):
    with serve(StandIn(), 0) as it:
        assert it.is_local
    with serve(StandIn(), 0, "localhost") as it:
        assert it.is_local
    assert caplog.messages == []


def test_open_to_everybody_is_allowed_and_warned_of_once(caplog):
    with serve(StandIn(), 0, "0.0.0.0") as it:  # noqa: S104 - what is tested
        assert it.url == f"http://127.0.0.1:{it.port}/metrics"
        assert [ask(it.port)[0] for _ in range(2)] == [200, 200]
    (message,) = caplog.messages
    assert f"0.0.0.0:{it.port} to everybody" in message


def test_open_to_those_who_know_the_password_is_no_cause_for_a_warning(caplog):
    with serve(StandIn(), 0, "0.0.0.0", auth=Basic("me", "s3cret")) as it:  # noqa: S104 - what is tested
        assert ask(it.port)[0] == 401
    assert caplog.messages == []


def test_ipv6_is_served_too():
    try:
        it = serve(StandIn(), 0, "::1")
    except CannotServeError:
        pytest.skip("there is no IPv6 here")
    with it, socket.create_connection(("::1", it.port), timeout=PATIENCE) as visitor:
        assert it.url == f"http://[::1]:{it.port}/metrics"
        assert it.is_local
        visitor.sendall(GET.replace(b"Host", b"Connection: close\r\nHost"))
        assert b"200 OK" in all_of(visitor)


# TLS


def asked_over_tls(it, certificate):
    opener = build_opener(ProxyHandler({}), HTTPSHandler(context=ssl.create_default_context(cafile=str(certificate))))
    with opener.open(it.url, timeout=PATIENCE) as answer:
        return answer.read()


def test_tls_with_a_pair_of_paths(certificate):
    large = b"x 1\n" * 1_000_000
    with serve(StandIn(large), 0, tls=certificate) as it:
        assert it.url.startswith("https://")
        assert asked_over_tls(it, certificate[0]) == b"renderings_total 1\n" + large
        assert asked_over_tls(it, certificate[0]).startswith(b"renderings_total 2\n")


def test_tls_with_a_context(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with serve(StandIn(), 0, tls=context) as it:
        assert asked_over_tls(it, certificate[0]) == b"renderings_total 1\n"


def test_who_does_not_speak_tls_is_hung_up_on(certificate):
    with serve(StandIn(), 0, tls=certificate) as it:
        with suppress(ConnectionError):
            assert b"HTTP" not in said(it.port, GET)
        assert asked_over_tls(it, certificate[0]) == b"renderings_total 1\n"


def test_who_does_not_finish_the_handshake_holds_nobody_up(certificate):
    with serve(StandIn(), 0, tls=certificate) as it, connected(it.port, b"\x16\x03\x01"):
        assert asked_over_tls(it, certificate[0]) == b"renderings_total 1\n"


def test_a_key_that_needs_a_passphrase_is_refused_and_nobody_asked(certificate, tmp_path):
    key = tmp_path / "locked.pem"
    command = ["openssl", "ec", "-aes256", "-passout", "pass:s3cret", "-in", certificate[1], "-out", key]
    subprocess.run(command, check=True, capture_output=True)
    with pytest.raises(DefinitionError, match="the key needs a passphrase"):
        serve(StandIn(), 0, tls=(certificate[0], key))


def test_files_that_are_no_certificate_are_refused_by_name(tmp_path, certificate):
    missing, empty = tmp_path / "missing.pem", tmp_path / "empty.pem"
    empty.touch()
    with pytest.raises(DefinitionError, match=r"missing\.pem cannot be read"):
        serve(StandIn(), 0, tls=(certificate[0], missing))
    with pytest.raises(DefinitionError, match=r"empty\.pem and .*key\.pem are no PEM"):
        serve(StandIn(), 0, tls=(empty, certificate[1]))


@pytest.mark.parametrize("tls", ["certificate.pem", True, ("one",), (1, 2)])
def test_anything_else_is_no_tls(tls):
    with pytest.raises(DefinitionError, match=r"give \(certfile, keyfile\)"):
        serve(StandIn(), 0, tls=tls)


def test_a_context_of_a_client_is_refused():
    with pytest.raises(DefinitionError, match="PROTOCOL_TLS_SERVER"):
        serve(StandIn(), 0, tls=ssl.create_default_context())

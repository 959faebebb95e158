"""The servers that tests talk to are really there, or say why they are not."""

from __future__ import annotations

import subprocess

import pytest

from tests import servers

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

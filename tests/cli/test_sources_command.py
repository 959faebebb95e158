"""`polymeter sources`: which libraries here can be watched."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from polymeter.cli import main


@pytest.fixture
def installed(monkeypatch):
    installed = {"openai": "3.1.0", "litellm": "0.1"}
    monkeypatch.setattr("polymeter.sources.discovery.installed_version", installed.get)
    return installed


def test_it_lists_what_is_installed(installed):
    done = CliRunner().invoke(main, ["sources"])
    rows = [line.split() for line in done.output.splitlines()]
    assert done.exit_code == 0
    assert rows[0] == ["library", "version", "supported", "source", "extra"]
    assert rows[1] == ["openai", "3.1.0", "yes", "OpenAISource", "polymeter[openai]"]
    assert rows[2][:3] == ["litellm", "0.1", "no:"]
    assert len(rows) == 3


def test_it_can_say_it_in_json(installed):
    done = CliRunner().invoke(main, ["sources", "--json"])
    assert [(each["library"], each["is_supported"]) for each in json.loads(done.output)] == [
        ("openai", True),
        ("litellm", False),
    ]


def test_it_says_when_there_is_nothing(installed):
    installed.clear()
    done = CliRunner().invoke(main, ["sources"])
    assert (done.exit_code, done.output) == (0, "none of the libraries that have a source is installed here\n")

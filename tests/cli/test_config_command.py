"""`polymeter config`: what a configuration would build, and what is wrong with it."""

from __future__ import annotations

import json
import os
import sys

import pytest
from click.testing import CliRunner

from polymeter.cli import main

FILE = """
service_name = "shop"
collectors = ["inference"]

[exporters.log]
level = "DEBUG"

[exporters.pushgateway]
url = "https://gateway:9091"
job = "shop"
auth = ["me", { env = "GATEWAY_PASSWORD" }]

[triggers]
every = 15
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("POLYMETER_")]:
        monkeypatch.delenv(name)
    path = list(sys.path)

    def run(*arguments):
        done = CliRunner().invoke(main, ["config", *arguments])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        assert sys.path == path
        return done.exit_code, done.output

    return run


def test_it_shows_what_would_be_built_without_secrets(run, tmp_path, monkeypatch):
    monkeypatch.setenv("GATEWAY_PASSWORD", "hunter2")
    monkeypatch.setenv("POLYMETER_TRIGGERS__AFTER", "100")
    (tmp_path / "polymeter.toml").write_text(FILE)
    assert run("--check") == (
        0,
        (
            f"from {tmp_path / 'polymeter.toml'}, POLYMETER_TRIGGERS__AFTER\n"
            "resource\n"
            "  service.name = 'shop'\n"
            "registry\n"
            "  aggregating\n"
            "exporters\n"
            "  log\n"
            "    level = 'DEBUG'\n"
            "  pushgateway\n"
            "    url = 'https://gateway:9091'\n"
            "    job = 'shop'\n"
            "    auth = ***\n"
            "collectors\n"
            "  inference\n"
            "sources: none\n"
            "triggers\n"
            "  every = 15\n"
            "  after = 100\n"
            "  at_exit = true\n"
        ),
    )


def test_a_file_can_be_named(run, tmp_path):
    (tmp_path / "other.toml").write_text("")
    code, output = run("--check", "other.toml")
    assert code == 0
    assert (
        output == "from other.toml\nregistry\n  aggregating\nexporters: none\ncollectors: none\nsources: none\n"
        "triggers: none\n"
    )


def test_everything_that_is_wrong_is_told(run, tmp_path):
    (tmp_path / "polymeter.toml").write_text('exporters = ["promethus"]\n[triggers]\nevry = 5\n')
    code, output = run("--check")
    assert code == 1
    assert output.startswith("2 problems:\n")
    assert "did you mean 'prometheus'?" in output
    assert "did you mean 'every'?" in output


def test_what_a_constructor_refuses_is_told_too(run, tmp_path):
    (tmp_path / "polymeter.toml").write_text('[exporters.log]\nlevel = "LOUD"\n')
    code, output = run("--check")
    assert code == 1
    assert f"{tmp_path / 'polymeter.toml'}: exporters.log: there is no log level 'LOUD'" in output


def test_the_schema_is_json(run):
    code, output = run("--schema")
    assert code == 0
    assert "exporters" in json.loads(output)["properties"]


@pytest.mark.parametrize("arguments", [[], ["--check", "--schema"], ["--check", "no.toml"]])
def test_wrong_options_are_refused(arguments, run):
    assert run(*arguments)[0] == 2

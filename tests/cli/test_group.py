"""`polymeter` itself: its help, its version, its commands."""

from __future__ import annotations

from importlib.metadata import version

from click.testing import CliRunner

from polymeter.cli import main


def test_help_lists_the_commands():
    done = CliRunner().invoke(main, ["--help"])
    assert done.exit_code == 0
    listed = [line.split(maxsplit=1) for line in done.output.partition("Commands:")[2].splitlines() if line]
    assert [name for name, _ in listed] == ["config", "demo", "manifest", "sources"]
    assert "Watch the OpenAI SDK at work" in dict(listed)["demo"]


def test_version_is_that_of_the_installed_package():
    done = CliRunner().invoke(main, ["--version"])
    assert (done.exit_code, done.output) == (0, f"polymeter {version('polymeter')}\n")


def test_the_demo_explains_its_options_and_exit_codes():
    done = CliRunner().invoke(main, ["demo", "--help"])
    assert done.exit_code == 0
    assert all(option in done.output for option in ("--seconds", "--port", "--seed", "--json"))
    assert "Exits with 0 if the sums hold" in done.output


def test_an_unknown_command_is_an_error():
    done = CliRunner().invoke(main, ["dmeo"])
    assert done.exit_code == 2
    assert "dmeo" in done.output

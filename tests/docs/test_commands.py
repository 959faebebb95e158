"""Every command in our documents exists, and shows what the document says.

Lines of ``console`` blocks that start with ``$`` are commands. `polymeter ...` is run, unless marked not to; `make` and
`pip install` would do too much, so their targets and extras are looked up.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.docs.blocks import BLOCKS, Block, shows
from tests.interpreter import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
SECONDS = 60


class Command(NamedTuple):
    """One command of a console block, and what the block shows below it."""

    block: Block
    text: str
    shown: str

    @property
    def program(self):
        """The first word that is not an assignment."""
        return next(word for word in shlex.split(self.text) if "=" not in word)

    def __str__(self):
        """Give where it is and what it says, for the name of its test."""
        return f"{self.block}: {self.text}"


def commands_of(block):
    """Give the commands of a console block; one may go on after a backslash."""
    parts = re.split(r"^\$ ((?:.*\\\n)*.*)\n", block.text, flags=re.MULTILINE)
    for text, shown in zip(parts[1::2], parts[2::2], strict=True):
        yield Command(block, text.replace("\\\n", " "), shown)


COMMANDS = [command for block in BLOCKS if block.language == "console" for command in commands_of(block)]


def of_program(*programs):
    return [command for command in COMMANDS if command.program in programs]


@pytest.mark.parametrize("command", [c for c in of_program("polymeter") if c.block.runs], ids=str)
def test_the_command_runs_and_prints_what_is_shown(command, tmp_path):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    ended = subprocess.run(  # noqa: S602 - documents show pipes; their commands are ours
        command.text,
        shell=True,
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "COLUMNS": "120"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    if command.block.checks_output:
        assert shows(command.shown, ended.stdout), f"{command} prints\n{ended.stdout}"


@pytest.mark.parametrize("command", of_program("make"), ids=str)
def test_the_target_exists(command):
    words = shlex.split(command.text, comments=True)
    named = {word for word in words if "=" not in word and not word.startswith("-")} - {"make"}
    assert named <= TARGETS


@pytest.mark.parametrize("command", of_program("pip"), ids=str)
def test_the_extras_exist(command):
    named = {extra for extras in re.findall(r"polymeter\[([\w,-]+)\]", command.text) for extra in extras.split(",")}
    assert named <= set(PROJECT["optional-dependencies"])

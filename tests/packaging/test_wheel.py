"""What ships: a wheel that installs alone and works alone."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
import venv
import zipfile
from email.parser import Parser

import pytest

from tests.interpreter import ROOT, answer_of, bare_environment
from tests.packaging.core import IMPORT_CORE


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """Give the path of the wheel, built from this tree."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    done = subprocess.run(command, env=bare_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def alone(wheel, tmp_path_factory):
    """Give the Python of a fresh environment with the wheel in it and nothing else.

    ``--no-index`` makes any dependency an error.
    """
    folder = tmp_path_factory.mktemp("alone")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    pip(python, "install", "--no-index", "--no-compile", str(wheel))
    return python


def pip(python, *words):
    command = [sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "--python", python, *words]
    done = subprocess.run(command, env=bare_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_installs_without_any_other_package(alone):
    installed = json.loads(pip(alone, "list", "--format=json"))
    assert [package["name"] for package in installed] == ["polymeter"]


def test_every_module_but_the_command_line_works_from_the_wheel_alone(alone):
    answer = answer_of(IMPORT_CORE, python=alone)
    assert answer["place"].startswith(str(alone.parent.parent))
    assert "polymeter.data" in answer["core"]


def test_every_dependency_in_the_metadata_belongs_to_an_extra(wheel):
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode())
    requirements = metadata.get_all("Requires-Dist", [])
    assert requirements
    assert [line for line in requirements if "extra ==" not in line] == []


def test_the_wheel_says_that_it_is_typed_and_carries_the_package_and_its_licence_alone(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert "polymeter/py.typed" in names
    assert f"polymeter-{version}.dist-info/licenses/LICENSE" in names
    assert {name.split("/")[0] for name in names} == {"polymeter", f"polymeter-{version}.dist-info"}

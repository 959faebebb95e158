"""Make the real servers and tools that tests talk to available, without installing anything.

Each one is taken from PATH, else from the cache, else unpacked into the cache from the Debian package that has it.
What cannot be had is printed with the reason, and its tests are skipped with the same words; with
``REQUIRE_SERVERS=1`` in the environment that is an error, but for the optional ones. No root is needed: apt works in
folders of its own, with the package sources that this machine is set up for. Where a newer version is wanted, it comes
from another suite of the same mirror.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

CACHE = Path(__file__).resolve().parents[1] / ".cache" / "servers"
TIMEOUT = 300
"""Seconds that one call of a package tool may take."""


@dataclass(frozen=True)
class Server:
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


SERVERS = (
    Server("promtool", package="prometheus", member="usr/bin/promtool"),  # checks texts and rules
    Server("prometheus", package="prometheus", member="usr/bin/prometheus"),  # scrapes, and answers queries
    Server("prometheus-pushgateway", package="prometheus-pushgateway", member="usr/bin/prometheus-pushgateway"),
    # One program under several names: what it does is up to the name that it is called by.
    Server(
        "redis-server",
        package="redis-tools",
        member="usr/bin/redis-check-rdb",
        libraries=("libatomic1", "libjemalloc2", "liblzf1", "libssl3"),  # the others are apt's own
    ),
    # Version 3, for names in UTF-8; on PATH only if somebody called it so.
    Server("prometheus-3", package="prometheus", member="usr/bin/prometheus", suite="sid", optional=True),
)


class UnavailableError(Exception):
    """A server cannot be had on this machine; the message says why."""


def locate(program: str) -> Path | None:
    """Give the path of ``program`` if it is at hand: on PATH or in the cache."""
    found = shutil.which(program) or shutil.which(program, path=str(CACHE))
    return Path(found) if found else None


def is_optional(program: str) -> bool:
    """Tell whether tests may go without ``program`` even where servers are required."""
    return any(server.optional for server in SERVERS if server.program == program)


def why_not(program: str) -> str | None:
    """Give why ``program`` could not be had when it was last tried; ``None`` if it was not, or could be."""
    note = _note(program)
    return note.read_text("utf-8") if note.exists() else None


def main() -> int:
    """Fetch what is missing; give the exit status: 1 if something that is required could not be had."""
    missing = [server for server in SERVERS if locate(server.program) is None]
    if not missing:
        return 0
    CACHE.mkdir(parents=True, exist_ok=True)
    required = os.environ.get("REQUIRE_SERVERS") == "1"
    failed = False
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        packages = Packages(Path(folder))
        for server in missing:
            try:
                libraries = [packages.download(replace(server, package=each)) for each in server.libraries]
                unpack(server, packages.download(server), libraries)
            except (UnavailableError, OSError, tarfile.TarError) as error:
                reason = f"{server.program} could not be had: {error}"
                _note(server.program).write_text(reason, "utf-8")
                print(f"{reason}\n{'Optional: ' if server.optional else ''}tests that need it will be skipped")
                failed = failed or (required and not server.optional)
            else:
                _note(server.program).unlink(missing_ok=True)
                print(f"{server.program} unpacked from the package {server.package}")
    if failed:
        print("REQUIRE_SERVERS=1 does not allow that")
    return int(failed)


def _note(program: str) -> Path:
    return CACHE / f"{program}.unavailable"


class Packages:
    """Packages of this machine's suites and of others, each downloaded once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._apts: dict[str | None, Apt] = {}
        self._packages: dict[tuple[str | None, str], Path | UnavailableError] = {}

    def download(self, server: Server) -> Path:
        """Give the path of the package of ``server``.

        :raises UnavailableError: if it cannot be had.
        """
        key = server.suite, server.package
        if key not in self._packages:
            try:
                self._packages[key] = self._apt(server.suite).download(server.package)
            except UnavailableError as error:
                self._packages[key] = error
        package = self._packages[key]
        if isinstance(package, UnavailableError):
            raise package
        return package

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


def unpack(server: Server, package: Path, libraries: list[Path]) -> None:
    """Put the executable of ``server`` from the file ``package`` into the cache, whole or not at all.

    One that needs libraries gets a folder of its own, and the cache a script that starts it there.

    :raises UnavailableError: if dpkg cannot read a package, or it does not hold the program.
    """
    fresh = package.with_suffix(".program")
    _take_out(package, lambda name: fresh if name == f"./{server.member}" else None)
    if not fresh.exists():
        message = f"the package {server.package} has no {server.member}"
        raise UnavailableError(message)
    fresh.chmod(0o755)
    if libraries:
        folder = CACHE / f"{server.program}.d"
        folder.mkdir(exist_ok=True)
        for library in libraries:
            _take_out(library, lambda name: folder / Path(name).name if Path(name).match("lib*.so*") else None)
        fresh.replace(folder / server.program)
        fresh.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH="{folder}" exec "{folder}/{server.program}" "$@"\n', "utf-8")
        fresh.chmod(0o755)
    fresh.replace(CACHE / server.program)


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


def run(command: list[str], *, folder: Path, output: Path | None = None) -> str:
    """Run ``command`` in ``folder``, its standard output into the file ``output`` if given; give its warnings.

    :raises UnavailableError: if it is not on this machine, takes too long or fails; with its last words.
    """
    try:
        with (output or Path(os.devnull)).open("wb") as target:
            done = subprocess.run(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=target,
                stderr=subprocess.PIPE,
                timeout=TIMEOUT,
                check=True,
            )
    except FileNotFoundError as error:
        message = f"there is no {command[0]} on this machine"
        raise UnavailableError(message) from error
    except subprocess.TimeoutExpired as error:
        message = f"{command[0]} took longer than {TIMEOUT} s"
        raise UnavailableError(message) from error
    except subprocess.CalledProcessError as error:
        message = f"{command[0]} failed: {error.stderr.decode(errors='replace').strip()}"
        raise UnavailableError(message) from error
    return done.stderr.decode(errors="replace").strip()


if __name__ == "__main__":
    sys.exit(main())

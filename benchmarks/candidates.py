"""Where processes could meet: files of frames, or one SQLite file; the figures of docs/rationale.md.

    python -m benchmarks.candidates

Both hold the same packed bytes, in memory (``/dev/shm``) where the system has it. SQLite is at its best: WAL, nothing
synced, one transaction per publish, one row per writer and series, prepared statements.
"""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import multiprocessing
import random
import shutil
import sqlite3
import statistics
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from polymeter.data.packing import Identity, unpack_merged
from polymeter.registries import SharedRegistry
from polymeter.registries.shared.reading import Identities, Published

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.registries.shared.place import Run

SERIES: Final = 2_000
WRITERS: Final = 8
REPEATS: Final = 15
FLIPS: Final = 300
_RARELY: Final = 1e6

COUNTED: Final = b"damage was counted"

States = list[tuple[bytes, bytes]]


def record(registry: SharedRegistry) -> None:
    """Change every series: counters, and timers with some spread."""
    for number in range(SERIES // 2):
        registry.counter("requests", {"path": f"p{number}"})
        registry.timer("wait_ms", random.lognormvariate(4, 1), {"path": f"p{number}"})


def run_of(registry: SharedRegistry) -> Run:
    """Give the run that it has joined."""
    run = registry._run  # noqa: SLF001 - its parts are what is measured
    assert run is not None
    return run


def slot_of(registry: SharedRegistry) -> Path:
    """Give the file that it publishes in."""
    place = registry._place  # noqa: SLF001
    assert place is not None
    return place.slot(registry.own.writer)


def states_of(registry: SharedRegistry) -> States:
    """Give identities and states as they are published."""
    published = Published(slot_of(registry), Identities())
    published.refresh()
    return [(identity, body[at:]) for identity, (body, at) in published.states.items()]


class Database:
    """The other candidate."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, timeout=10, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("PRAGMA synchronous=OFF")
        self.connection.execute(
            "CREATE TABLE IF NOT EXISTS states (writer INTEGER, series BLOB, version INTEGER, state BLOB,"
            " PRIMARY KEY (writer, series)) WITHOUT ROWID"
        )
        self.connection.execute("CREATE INDEX IF NOT EXISTS changed ON states (version)")

    def publish(self, writer: int, states: States, version: int = 0) -> None:
        """Put states in the place of what there was."""
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(
            "INSERT OR REPLACE INTO states VALUES (?, ?, ?, ?)",
            [(writer, identity, version, state) for identity, state in states],
        )
        self.connection.execute("COMMIT")

    def read(self, since: int = -1) -> list[object]:
        """Merge what has changed, of all writers."""
        merged: dict[bytes, list[tuple[bytes, int]]] = {}
        asked = "SELECT series, state FROM states"
        if since >= 0:
            asked = "SELECT series, state FROM states WHERE version > ?"
        for series, state in self.connection.execute(asked, (since,) if since >= 0 else ()):
            merged.setdefault(series, []).append((state, 0))
        return [unpack_merged(_identity(series), places) for series, places in merged.items()]


_known: dict[bytes, Identity] = {}


def _identity(packed: bytes) -> Identity:
    known = _known.get(packed)
    if known is None:
        known = _known[packed] = Identity(packed)
    return known


def milliseconds(prepare: Callable[[], object], work: Callable[[], object]) -> float:
    """Give the median of the CPU time that ``work`` takes."""
    times: list[float] = []
    for _ in range(REPEATS):
        prepare()
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return 1000 * statistics.median(times)


def say(what: str, prepare: Callable[[], object], work: Callable[[], object]) -> None:
    """Say how long something takes."""
    print(f"{what:75} {milliseconds(prepare, work):8.2f} ms")


def costs(folder: Path) -> None:
    """Publish and read, one after the other."""
    writers = [SharedRegistry("files", directory=folder, interval=_RARELY, budget=10**5) for _ in range(WRITERS)]
    reader = SharedRegistry("files", directory=folder, interval=_RARELY, budget=10**5)
    database = Database(folder / "candidate.db")
    for number, writer in enumerate(writers):
        record(writer)
        writer.publish()
        database.publish(number, states_of(writer))
    one = writers[0]
    version = iter(range(1, 10**9))

    def change(some: int) -> None:
        """Have every writer change and publish some series, in both."""
        now = next(version)
        for place, writer in enumerate(writers):
            for number in range(some):
                writer.counter("requests", {"path": f"p{number}"})
                writer.timer("wait_ms", random.lognormvariate(4, 1), {"path": f"p{number}"})
            writer.publish()
            database.publish(place, states_of(writer)[: 2 * some], now)

    def some_more() -> None:
        for number in range(10):
            one.counter("requests", {"path": f"p{number}"})
            one.counter("requests", {"path": f"p{number + 10}"})
        drain()

    own, drain = one._published, one.own.drain  # noqa: SLF001
    change(SERIES // 2)
    states = states_of(one)
    say(
        f"publish {SERIES:,} changed series: packing, for both",
        lambda: (record(one), drain()),
        lambda: list(own._frames()),  # noqa: SLF001
    )
    say("  files, packing included", lambda: (record(one), drain()), lambda: own.publish(run_of(one)))
    say("  SQLite, without packing", lambda: None, lambda: database.publish(0, states, next(version)))
    say("publish 20 changed series: files, packing included", some_more, lambda: own.publish(run_of(one)))
    say("  SQLite, without packing", lambda: None, lambda: database.publish(0, states[:20], next(version)))
    say(f"read {WRITERS} x {SERIES:,} series, all changed: files", lambda: change(SERIES // 2), reader.all)
    say("  SQLite", lambda: change(SERIES // 2), database.read)
    say(f"read {WRITERS} x {SERIES:,} series, of which 20 each have changed: files", lambda: change(10), reader.all)
    say("  SQLite, what has changed", lambda: change(10), lambda: database.read(next(version) - 2))
    for each in (*writers, reader):
        each.close()


# -- all at once


def _publishing(where: str, number: int, gate: object, told: object) -> None:
    """Publish for a second in each way, as one of many; tell the waits in seconds."""
    folder = Path(where)
    registry = SharedRegistry("together", directory=folder, interval=_RARELY, budget=10**5)
    record(registry)
    registry.publish()
    states = states_of(registry)
    database = Database(folder / "together.db")
    waits: list[list[float]] = [[], []]
    for way in (0, 1):
        gate.wait()  # type: ignore[attr-defined]
        end = time.monotonic() + 2
        while time.monotonic() < end:
            time.sleep(random.uniform(0, 0.1))
            record(registry)
            registry.own.drain()
            began = time.monotonic()
            with suppress(sqlite3.OperationalError):
                if way:
                    database.publish(number, states)
                else:
                    registry.publish()
            waits[way].append(time.monotonic() - began)
    told.put(waits)  # type: ignore[attr-defined]


def together(folder: Path) -> None:
    """Publish from many processes at once."""
    Database(folder / "together.db")
    context = multiprocessing.get_context("spawn")
    gate, told = context.Barrier(WRITERS), context.Queue()
    workers = [context.Process(target=_publishing, args=(str(folder), n, gate, told)) for n in range(WRITERS)]
    for worker in workers:
        worker.start()
    waits = [told.get() for _ in workers]
    for worker in workers:
        worker.join()
    print(f"{WRITERS} processes publish {SERIES:,} series each at once: median, slowest of a hundred (elapsed)")
    for way, name in enumerate(("files", "SQLite")):
        times = sorted(each for of_one in waits for each in of_one[way])
        print(f"  {name:7} {1000 * times[len(times) // 2]:8.1f} ms {1000 * times[int(len(times) * 0.99)]:8.1f} ms")


# -- damage


def flips(folder: Path) -> None:
    """Change one byte anywhere, and read in another process's place."""
    chance = random.Random(1)
    database = Database(folder / "flips.db")
    with_some = [SharedRegistry("flips", directory=folder, interval=_RARELY, budget=10**5) for _ in range(2)]
    record(with_some[0])
    with_some[0].publish()
    database.publish(0, states_of(with_some[0]))
    database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.connection.close()
    slot = slot_of(with_some[0])
    print(f"one byte of {SERIES:,} series is changed, {FLIPS} times: what a new reader is told")
    for name, path, read in (
        ("files", slot, _told_by_frames),
        ("SQLite", folder / "flips.db", _told_by_sqlite),
    ):
        whole = path.read_bytes()
        right = dict(read(path))
        outcomes = {"right": 0, "less, and counted": 0, "an error, nothing else": 0, "less, or wrong, in silence": 0}
        most_lost = 0
        for _ in range(FLIPS):
            damaged = bytearray(whole)
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
            copy = folder / f"copy-of-{name}"
            copy.write_bytes(damaged)
            try:
                told = read(copy)
            except sqlite3.Error:
                outcomes["an error, nothing else"] += 1
                continue
            lost = sum(told.get(series) != state for series, state in right.items())
            strange = [series for series in told if series not in right]
            most_lost = max(most_lost, lost)
            if lost or strange:
                outcomes["less, and counted" if COUNTED in told else "less, or wrong, in silence"] += 1
            else:
                outcomes["right"] += 1
        print(f"  {name:7} {outcomes}; most series lost at once: {most_lost}")
    for each in with_some:
        each.close()


def _told_by_frames(path: Path) -> dict[bytes, bytes]:
    """Give the states, and under ``COUNTED`` something if damage was counted."""
    published = Published(path, Identities())
    published.refresh()
    told: dict[bytes, bytes] = {series: body[at:] for series, (body, at) in published.states.items()}
    if published.damaged:
        told[COUNTED] = b""
    published.close()
    return told


def _told_by_sqlite(path: Path) -> dict[bytes, bytes]:
    for leftover in (path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        leftover.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    try:
        return dict(connection.execute("SELECT series, state FROM states").fetchall())
    finally:
        connection.close()


def main() -> None:
    """Measure everything."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
    folder = Path(tempfile.mkdtemp(dir=memory if memory.exists() else None))
    try:
        for part in (costs, flips, together):
            part(folder)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()

"""The vocabulary of the process that the program runs in: CPU, memory, garbage, event loops, threads, disks, Python.

What is *sampled* is told before each snapshot. A sample of something that only grows says it twice: ``total`` since
the process began (in a forked child: since the fork), and ``added`` since the sample before. A collector that adds up
what was ``added`` needs no memory.

``None`` means that the system does not say.
"""

from __future__ import annotations

from dataclasses import dataclass

from polymeter.events.event import Event

__all__ = [
    "DiskSampled",
    "EventLoopSampled",
    "EventLoopTicked",
    "GarbageCollected",
    "GarbageCounts",
    "GarbageSampled",
    "ProcessCounts",
    "ProcessSampled",
    "PythonSampled",
    "RuntimeEvent",
    "ThreadsSampled",
]


@dataclass(slots=True, kw_only=True)
class RuntimeEvent(Event):
    """What is true of the process, and so of no unit of work, whoever asked."""

    unit_of_work: str | None = None


@dataclass(frozen=True, slots=True)
class ProcessCounts:
    """What a process has used; all of its threads, those that have ended included.

    :ivar user_seconds: CPU time in its own code.
    :ivar system_seconds: CPU time in the kernel on its behalf.
    :ivar voluntary_switches: times that a thread gave up the CPU to wait for something.
    :ivar involuntary_switches: times that the CPU was taken from a thread.
    """

    user_seconds: float | None = None
    system_seconds: float | None = None
    voluntary_switches: int | None = None
    involuntary_switches: int | None = None

    @property
    def cpu_seconds(self) -> float | None:
        """All CPU time."""
        if self.user_seconds is None or self.system_seconds is None:
            return None
        return self.user_seconds + self.system_seconds


@dataclass(slots=True, kw_only=True)
class ProcessSampled(RuntimeEvent):
    """The operating system was asked about this process.

    :ivar pid: its number.
    :ivar total: what it has used since it began.
    :ivar added: what it has used since the last sample for the same dispatcher; the first time the same as ``total``.
    :ivar resident_bytes: memory that is in RAM.
    :ivar peak_resident_bytes: the most that ever was.
    :ivar virtual_bytes: address space.
    :ivar threads: threads of the operating system.
    :ivar open_files: file descriptors in use.
    :ivar max_files: file descriptors that it may have (the soft limit).
    :ivar started_at: Unix seconds at which it began.
    :ivar uptime_seconds: how long ago that was.
    """

    pid: int
    total: ProcessCounts
    added: ProcessCounts
    resident_bytes: int | None = None
    peak_resident_bytes: int | None = None
    virtual_bytes: int | None = None
    threads: int | None = None
    open_files: int | None = None
    max_files: int | None = None
    started_at: float | None = None
    uptime_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class GarbageCounts:
    """What the cyclic garbage collector did to one generation.

    :ivar collections: times that it was collected.
    :ivar collected: objects that were freed.
    :ivar uncollectable: objects that were found to be garbage and could not be freed.
    """

    collections: int = 0
    collected: int = 0
    uncollectable: int = 0


@dataclass(slots=True, kw_only=True)
class GarbageSampled(RuntimeEvent):
    """The garbage collector was asked what it did so far. One event for each generation.

    :ivar generation: 0 for the youngest.
    :ivar total: since the process began.
    :ivar added: since the last sample for the same dispatcher; the first time the same as ``total``.
    """

    generation: int
    total: GarbageCounts
    added: GarbageCounts


@dataclass(slots=True, kw_only=True)
class GarbageCollected(RuntimeEvent):
    """The garbage collector ran, and the program stood still meanwhile.

    It is told from inside of the collection, which may come in the middle of any line of Python: a listener must not
    wait, nor take a lock that the program may be holding just then. Recording a metric is safe.

    :ivar generation: the oldest one that was collected; 0 for the youngest.
    :ivar duration_ms: how long it took.
    :ivar collected: objects that were freed.
    :ivar uncollectable: objects that could not be freed.
    """

    generation: int
    duration_ms: float
    collected: int
    uncollectable: int


@dataclass(slots=True, kw_only=True)
class EventLoopTicked(RuntimeEvent):
    """A timer of an event loop was called; until then nothing else could be, either.

    :ivar loop: what the loop is called.
    :ivar lag_ms: how late it was called.
    :ivar is_stalled: whether a callback before it may have taken so long that it counts as slow.
    """

    loop: str
    lag_ms: float
    is_stalled: bool


@dataclass(slots=True, kw_only=True)
class EventLoopSampled(RuntimeEvent):
    """The event loops of one name were asked for their tasks.

    :ivar loop: what the loop is called.
    :ivar tasks: tasks that are not done.
    """

    loop: str
    tasks: int


@dataclass(slots=True, kw_only=True)
class ThreadsSampled(RuntimeEvent):
    """The threads that Python knows of were counted, that of whoever asked included.

    :ivar daemons: those that the program does not wait for at its end.
    :ivar others: those that it does, the main thread included.
    """

    daemons: int
    others: int


@dataclass(slots=True, kw_only=True)
class DiskSampled(RuntimeEvent):
    """The operating system was asked about the file system of a path.

    :ivar path: the path as it was given.
    :ivar mountpoint: where its file system is mounted.
    :ivar total_bytes: how large the file system is.
    :ivar used_bytes: how much of it is in use.
    :ivar free_bytes: how much this user may still use. What is missing to the total is kept for the administrator.
    :ivar error_type: class of the exception, if it could not be asked; then there are no numbers.
    """

    path: str
    mountpoint: str | None = None
    total_bytes: int | None = None
    used_bytes: int | None = None
    free_bytes: int | None = None
    error_type: str | None = None

    @property
    def reserved_bytes(self) -> int | None:
        """What only the administrator may use."""
        if self.total_bytes is None or self.used_bytes is None or self.free_bytes is None:
            return None
        return max(0, self.total_bytes - self.used_bytes - self.free_bytes)


@dataclass(slots=True, kw_only=True)
class PythonSampled(RuntimeEvent):
    """Which Python this is.

    :ivar implementation: ``CPython``, ``PyPy``, ...
    :ivar version: all of its version, ``3.13.1``.
    :ivar major: ``3``.
    :ivar minor: ``13``.
    :ivar patchlevel: ``1``; of a pre-release with its stage, ``0rc2``.
    """

    implementation: str
    version: str
    major: str
    minor: str
    patchlevel: str

"""SpoolingExporter: what cannot be delivered now leaves with the next process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from polymeter import locks
from polymeter.data.snapshot import Snapshot
from polymeter.deadline import current_deadline
from polymeter.errors import DefinitionError
from polymeter.exporters.spool.course import Course
from polymeter.exporters.spool.folder import Bounds, Folder, checked_folder
from polymeter.exporters.spool.health import SpoolHealth
from polymeter.exporters.spool.left import Left
from polymeter.exporters.spool.own import Own
from polymeter.exporters.spool.tally import DAMAGED, DELIVERED, DROPPED, FAILED, Tally

if TYPE_CHECKING:
    import os
    from collections.abc import Awaitable, Callable, Generator, Iterable

    from polymeter.contracts import CanExportMetrics, Temporality
    from polymeter.data.definition import MetricDefinition
    from polymeter.data.metric import Metric
    from polymeter.exporters.spool.course import Step
    from polymeter.subscription import Subscription

__all__ = ["SpoolingExporter"]

_MAX_BYTES: Final = 64 * 2**20
_MAX_AGE: Final = 7 * 86_400.0
_MAX_FILES: Final = 1_000


class SpoolingExporter:
    """Keeps what an exporter could not deliver in a folder, from which the next process delivers it.

    Each export is written to the folder before it is sent, and removed when it has been delivered: whatever ends the
    process in between, the file stays. An export first delivers what processes that are gone have left. Each number is
    delivered at least once; twice if a process is killed after a back end has taken it.

    Where a back end tells processes apart, numbers of another process are delivered as its own: an exporter that has
    ``identity(snapshot)``, texts by name that are kept with a snapshot, and ``speaking_for(identity)``, which gives an
    exporter to the same place on behalf of whom they belong to, is asked for those. The latter keeps nothing open that
    the former does not close. Any other exporter delivers all as its own.

    A folder is for one destination. It may be shared by any number of processes of one machine and user, and by
    exporters of different classes.
    """

    is_quick: ClassVar[bool] = False

    def __init__(
        self,
        exporter: CanExportMetrics,
        folder: str | os.PathLike[str],
        *,
        max_bytes: int = _MAX_BYTES,
        max_age: float = _MAX_AGE,
        max_files: int = _MAX_FILES,
        ambiguous: Literal["resend", "drop"] = "resend",
        fsync: bool = False,
    ) -> None:
        """Wrap an exporter; nothing is written yet.

        :param exporter: what delivers.
        :param folder: made when it is needed, for this user alone; a relative one is that of now.
        :param max_bytes: of all files together; beyond that the oldest go first.
        :param max_age: seconds after which what was left is not delivered any more.
        :param max_files: how many; beyond that the oldest go first.
        :param ambiguous: what becomes of a file if nobody knows whether it has arrived. Give ``export_to`` the same.
        :param fsync: whether to wait until the disk has each file, so that a power cut loses none.
        :raises DefinitionError: for what delivers nothing by itself, a folder that is none, bounds that keep nothing.
        """
        _check(exporter, max_bytes, max_age, max_files, ambiguous)
        self.temporality: Temporality = exporter.temporality
        self.delivers: str = getattr(exporter, "delivers", "all")
        if names := getattr(exporter, "names", None):
            self.names: Callable[[MetricDefinition], tuple[str, ...]] = names
        if observe := getattr(exporter, "observe", None):
            self.observe: Callable[[object], Subscription] = observe
        self._exporter = exporter
        name = type(exporter).__name__
        self._folder = Folder(
            checked_folder(folder), f"{name}-{self.temporality}", Bounds(max_bytes, max_age, max_files)
        )
        self._tally = Tally(name, self.temporality)
        self._own = Own(self._folder, self._tally, is_delta=self.temporality == "delta", fsync=fsync)
        self._course = Course(
            exporter, self._own, Left(self._folder, self._tally), self._tally, drops_ambiguous=ambiguous == "drop"
        )

    def export(self, snapshot: Iterable[Metric], /) -> Awaitable[None] | None:
        """Deliver what others have left, then ``snapshot``.

        :raises Exception: what the exporter raises for ``snapshot``; that stays in the folder then.
        """
        course = self._course.steps(Snapshot.of(snapshot), current_deadline())
        awaited: Awaitable[None] | None = None
        try:
            step = next(course)
            while True:
                try:
                    with step.deadline.active():
                        awaited = step.exporter.export(step.snapshot)
                except Exception as error:  # noqa: BLE001 - raised again, unless it was not about `snapshot`
                    step = course.throw(error)
                else:
                    if awaited is not None:
                        return self._go_on(course, step, awaited)
                    step = next(course)
        except StopIteration:
            return None
        finally:
            if awaited is None:
                course.close()

    async def _go_on(self, course: Generator[Step], step: Step, awaited: Awaitable[None]) -> None:
        """Do the same for an exporter that is asynchronous."""
        try:
            while True:
                try:
                    with step.deadline.active():
                        await awaited
                except Exception as error:  # noqa: BLE001 - as in export()
                    step = course.throw(error)
                else:
                    step = next(course)
                with step.deadline.active():
                    awaited = step.exporter.export(step.snapshot) or _nothing()
        except StopIteration:
            return
        finally:
            course.close()

    def health(self) -> SpoolHealth:
        """Give the counts of now."""
        try:
            entries = self._folder.entries() if locks.are_there() else []
        except OSError:
            entries = None
        tally = self._tally
        return SpoolHealth(
            delivered=sum(tally.by_reason(DELIVERED).values()),
            dropped=tally.by_reason(DROPPED),
            damaged=sum(tally.by_reason(DAMAGED).values()),
            failed=tally.by_reason(FAILED),
            waiting=None if entries is None else len(entries),
            waiting_bytes=sum(each.size for each in entries or ()),
        )

    def close(self) -> Any:
        """Leave what was not delivered to the next process, and close the exporter; another export works all the same.

        :return: what the exporter's ``close`` gives, which is to be awaited if that is asynchronous.
        """
        self._own.close()
        close = getattr(self._exporter, "close", None)
        return None if close is None else close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._exporter!r}, {str(self._folder.path)!r})"


async def _nothing() -> None:
    """Stand for an export that is over already."""


def _check(exporter: object, max_bytes: object, max_age: object, max_files: object, ambiguous: object) -> None:
    name = type(exporter).__name__
    if not hasattr(exporter, "export") or getattr(exporter, "temporality", None) not in {"cumulative", "delta"}:
        message = f"a spool wraps an exporter, not {exporter!r}: SpoolingExporter(OTLPExporter(...), folder)"
        raise DefinitionError(message)
    if hasattr(exporter, "attach"):
        message = f"{name} delivers nothing by itself, it is asked; there is nothing that a spool could keep for it"
        raise DefinitionError(message)
    if isinstance(exporter, SpoolingExporter):
        message = "a spool in a spool keeps everything twice: wrap the exporter once"
        raise DefinitionError(message)
    for what, given in (("max_bytes", max_bytes), ("max_age", max_age), ("max_files", max_files)):
        if isinstance(given, bool) or not isinstance(given, int | float) or not given > 0:
            message = f"SpoolingExporter: {what}={given!r} keeps nothing: give a positive number"
            raise DefinitionError(message)
    if ambiguous not in {"resend", "drop"}:
        message = f"SpoolingExporter: ambiguous={ambiguous!r} is neither 'resend' nor 'drop'"
        raise DefinitionError(message)

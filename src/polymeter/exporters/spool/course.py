"""Course: what one export delivers, in which order, and what becomes of each file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from polymeter import locks
from polymeter.errors import DeliveryError
from polymeter.exporters.spool.left import is_final
from polymeter.exporters.spool.share import Share
from polymeter.exporters.spool.tally import FAILED

if TYPE_CHECKING:
    from collections.abc import Generator

    from polymeter.contracts import CanExportMetrics
    from polymeter.data.snapshot import Snapshot
    from polymeter.deadline import Deadline
    from polymeter.exporters.spool.left import Left, Other
    from polymeter.exporters.spool.own import Own
    from polymeter.exporters.spool.tally import Tally

__all__ = ["Course", "Step"]

_FOR_OTHERS: Final = 0.5
"""The part of an export's time in which what others have left may be delivered: one's own must not wait for ever."""

_MOST_REFUSED: Final = 3
"""Files of others that are tried in one export after which a back end that refuses them is asked for no more."""


class Step(NamedTuple):
    """Something to deliver, by whom, and by when."""

    exporter: CanExportMetrics
    snapshot: Snapshot
    deadline: Deadline


class Course:
    """The way of exports through a spool: first into the folder, then what others have left, then to the back end.

    It gives one step after the other and is told, by an exception or none, what became of it. So it is the same whether
    the exporter is asynchronous or not.
    """

    def __init__(
        self, exporter: CanExportMetrics, own: Own, left: Left, tally: Tally, *, drops_ambiguous: bool
    ) -> None:
        self._exporter = exporter
        self._own = own
        self._left = left
        self._tally = tally
        self._drops_ambiguous = drops_ambiguous

    def steps(self, snapshot: Snapshot, deadline: Deadline) -> Generator[Step]:
        """Give what is to be delivered.

        :raises Exception: what became of ``snapshot``, or that the back end asks to be left alone.
        """
        if not locks.are_there():
            self._tally.count(FAILED, "flock")
            yield Step(self._exporter, snapshot, deadline)
            return
        told = self._tally.now()
        given = snapshot.plus(self._tally.untold(told)) if len(told) else snapshot
        untold = self._own.untold(given)
        kept = self._own.keep(untold, getattr(self._exporter, "identity", None))
        refused: list[Other] = []
        is_delivered = is_dropped = False
        try:
            yield from self._of_others(Share(deadline, _FOR_OTHERS), refused)
            try:
                yield Step(self._exporter, untold, deadline)
            except Exception as error:
                is_dropped = self._is_to_be_dropped(error)
                raise
            is_delivered = True
            self._tally.told(told)
        finally:
            if is_delivered or is_dropped:
                self._own.delivered(kept)
            else:
                self._own.failed(kept, given)
            for other in refused:
                # What takes ours and not theirs is neither the wrong address nor a password that has expired.
                other.drop("rejected") if is_delivered else other.let_go()

    def _of_others(self, deadline: Deadline, refused: list[Other]) -> Generator[Step]:
        """Give what processes that are gone have left, until there is no time, or the back end takes no more.

        :param refused: takes those that it does not want; they are still held.
        """
        for other in self._left.files():
            try:
                if deadline.is_over or len(refused) == _MOST_REFUSED:
                    return
                try:
                    yield Step(self._speaking_for(other), other.snapshot, deadline)
                except Exception as error:
                    if is_final(error):
                        refused.append(other)
                        continue
                    if self._is_to_be_dropped(error):
                        other.drop("ambiguous")
                    if getattr(error, "retry_after", None) is not None:
                        raise  # it asks to be left alone
                    return
                other.delivered()
            finally:
                if other not in refused:
                    other.let_go()

    def _speaking_for(self, other: Other) -> CanExportMetrics:
        """Give an exporter that says whose numbers they are, where the back end tells processes apart."""
        speaking_for = getattr(self._exporter, "speaking_for", None)
        return self._exporter if speaking_for is None else speaking_for(other.identity)

    def _is_to_be_dropped(self, error: Exception) -> bool:
        """Tell whether something may have arrived and is not to arrive twice."""
        return isinstance(error, DeliveryError) and error.is_ambiguous and self._drops_ambiguous

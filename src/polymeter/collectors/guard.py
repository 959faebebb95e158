"""Guard: what becomes of a metric's reading that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polymeter.quarantine import Quarantine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from polymeter.clock import Clock
    from polymeter.collectors.paths import Getter

__all__ = ["Guard"]


class Guard:
    """Stands between an event and one reading of it, from the first failure to the next success.

    Every failure is counted under each metric concerned, as ``invalid`` with the reason ``getter``; after five in a
    row the reading is held back for a while (``quarantined``) and then tried again with one event.
    """

    __slots__ = ("_names", "_quarantine", "_read", "_refuse", "_watch")

    def __init__(
        self,
        read: Getter,
        names: Sequence[str],
        refuse: Callable[[str, str], object],
        watch: Callable[..., object],
        clock: Clock,
    ) -> None:
        """Make one that is not needed yet.

        :param read: the reading.
        :param names: of the metrics that it is for.
        :param refuse: counts a record of a metric as invalid, for a reason.
        :param watch: called with ``is_wanted``: whether the guard wants to see every event.
        """
        self._read = read
        self._names = tuple(names)
        self._refuse = refuse
        self._watch = watch
        self._quarantine = Quarantine(clock)

    def failed(self) -> None:
        """Take note that the reading failed while nobody watched."""
        self._quarantine.failed()
        self._count("getter")
        self._watch(is_wanted=True)

    def read(self, event: Any) -> Any:
        """Read, unless that is held back; ``None`` if there is nothing."""
        quarantine = self._quarantine
        probing = quarantine.is_on
        try:
            if probing and not quarantine.may_probe():
                return self._count("quarantined")
            value = self._read(event)
        except BaseException as error:
            if probing:
                quarantine.failed_again()
            if not isinstance(error, Exception):  # what interrupts is not the reading's fault
                raise
            if not probing:
                quarantine.failed()
            return self._count("getter")
        if probing:
            quarantine.released()
        else:
            quarantine.succeeded()
        self._watch(is_wanted=False)
        return value

    def _count(self, reason: str) -> None:
        for name in self._names:
            self._refuse(name, reason)

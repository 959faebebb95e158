"""Subscription: what every registration gives back, and the way to undo it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

__all__ = ["Subscription"]


class Subscription:
    """Something that was registered and can be undone, once, from any thread; undoing it again does nothing.

    Usable as a context manager: leaving the block cancels.
    """

    __slots__ = ("_undo",)

    def __init__(self, undo: Callable[[], object]) -> None:
        """:param undo: takes the registration back; called at most once."""
        # A list of one: pop() is atomic, so of several threads, finalisers and signal handlers exactly one gets it.
        self._undo = [undo]

    @classmethod
    def of_all(cls, subscriptions: Iterable[Subscription]) -> Subscription:
        """Give one that cancels all of ``subscriptions``, the last first."""
        kept = list(subscriptions)

        def cancel_all() -> None:
            errors: list[BaseException] = []
            while kept:
                try:
                    kept.pop().cancel()
                except BaseException as error:  # noqa: BLE001 - raised once all of them have had their turn
                    errors.append(error)
            if errors:
                raise errors[0]

        return cls(cancel_all)

    @property
    def active(self) -> bool:
        """Whether it has not been cancelled yet."""
        return bool(self._undo)

    def cancel(self) -> None:
        """Undo the registration; harmless when that has happened already."""
        try:
            undo = self._undo.pop()
        except IndexError:
            return
        undo()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.cancel()

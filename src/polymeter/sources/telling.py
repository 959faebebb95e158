"""Tell several listeners the same, whatever one of them does."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["tell_all"]

ToT = TypeVar("ToT")


def tell_all(all_of_them: Iterable[ToT], tell: Callable[[ToT], object]) -> None:
    """Call ``tell`` for each; what the first of them raised is raised when all have been told."""
    failure: BaseException | None = None
    for each in all_of_them:
        try:
            tell(each)
        except BaseException as error:  # noqa: BLE001 - of a dispatcher that was asked to raise, or of a signal
            failure = failure or error
    if failure is not None:
        raise failure

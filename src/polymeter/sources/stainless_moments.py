"""What a call hears of each method of the SDK that works for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from polymeter.sources.stainless_calls import StainlessCall

__all__ = ["MOMENTS", "Moment"]


class Moment:
    """A method that runs within a call. Keeps no state."""

    def before(self, call: StainlessCall, options: dict[str, Any]) -> None:
        """Hear that it begins, with its keyword arguments."""

    def after(self, call: StainlessCall, result: object) -> None:
        """Hear what it returned."""

    def raised(self, call: StainlessCall, error: BaseException) -> None:
        """Hear what it raised."""


class _Prepare(Moment):
    def before(self, call: StainlessCall, options: dict[str, Any]) -> None:  # noqa: ARG002
        call.preparing()

    def after(self, call: StainlessCall, result: object) -> None:  # noqa: ARG002
        call.prepared()

    def raised(self, call: StainlessCall, error: BaseException) -> None:  # noqa: ARG002
        call.prepared(well=False)


class _Attempt(Moment):
    def before(self, call: StainlessCall, options: dict[str, Any]) -> None:  # noqa: ARG002
        call.attempting()

    def after(self, call: StainlessCall, result: object) -> None:
        # It also gives the options that the request was made of.
        call.responded(cast("tuple[object, ...]", result)[0] if isinstance(result, tuple) else result)

    def raised(self, call: StainlessCall, error: BaseException) -> None:
        call.unanswered(error)


class _Sleep(Moment):
    def before(self, call: StainlessCall, options: dict[str, Any]) -> None:
        call.will_retry(options.get("response"))

    def after(self, call: StainlessCall, result: object) -> None:  # noqa: ARG002
        call.slept()


class _Process(Moment):
    def before(self, call: StainlessCall, options: dict[str, Any]) -> None:
        call.processing(options.get("response"))


MOMENTS: Final[dict[str, Moment]] = {
    "_prepare_request": _Prepare(),
    "_attempt_request": _Attempt(),
    "_sleep_for_retry": _Sleep(),
    "_process_response": _Process(),
}
"""By the name of the method."""

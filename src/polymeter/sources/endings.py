"""How a run ends that nobody ends on purpose."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polymeter.events.inference import Outcome
    from polymeter.sources.run import InferenceRun

__all__ = ["abandon_when_dropped", "outcome_of"]


def outcome_of(error: BaseException) -> Outcome:
    """Say how an execution ended that ``error`` went through.

    What is no ``Exception`` (``CancelledError``, ``KeyboardInterrupt``, ``GeneratorExit``) ended it on purpose.
    """
    return "error" if isinstance(error, Exception) else "cancelled"


def abandon_when_dropped(holder: object, run: InferenceRun) -> weakref.finalize[[Outcome], Any]:
    """End ``run`` as ``abandoned`` when ``holder`` goes away, or when the interpreter exits before.

    :param holder: what the caller holds while the answer is not whole, such as a stream. ``run`` must not lead to it.
    :return: the finaliser; ``detach()`` it when the run ended in time.
    """
    return weakref.finalize(holder, run.end, "abandoned")

"""assert_approved: metrics as text, held against a file beside the test that somebody has looked at and approved."""

from __future__ import annotations

import os
import re
import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias, runtime_checkable

from polymeter.data.histogram import ReadsDistribution
from polymeter.data.kind import Kind
from polymeter.data.snapshot import Snapshot
from polymeter.errors import DefinitionError
from polymeter.testing.expectations.words import number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polymeter.data.metric import Metric

__all__ = ["Approving", "CanTellAll", "Durations", "approved_text", "assert_approved"]

Durations: TypeAlias = Literal["counted", "exact"]
"""What becomes of durations and times: only how many there were, or as they are, for tests with a manual clock."""

VARIABLE: Final = "POLYMETER_APPROVE"
"""The environment variable that, when it is ``1``, approves what is there now."""

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@runtime_checkable
class CanTellAll(Protocol):
    """What can be asked for everything that it knows: a ``Metrics``, a registry."""

    def snapshot(self) -> Snapshot:
        """Give everything of one moment."""
        ...


class Approving:
    """Whether what is there now is approved, instead of being held against what was; the plugin's option sets it."""

    is_on = False


def approved_text(metrics: Iterable[Metric] | CanTellAll, *, durations: Durations = "counted") -> str:
    """Give metrics as text that is the same for the same records, whenever and in whatever order they were made.

    Sorted by name and tags, without times, exemplars and the ``polymeter.*`` metrics; floats to 12 digits.

    :param metrics: a snapshot, any metrics, or a ``Metrics`` or registry, for what it has now.
    :param durations: ``counted`` leaves out what was measured in a unit of time, ``exact`` does not.
    :raises DefinitionError: for another word.
    """
    if durations not in {"counted", "exact"}:
        message = f"durations={durations!r}: there are 'counted' and 'exact'"
        raise DefinitionError(message)
    snapshot = metrics.snapshot() if isinstance(metrics, CanTellAll) else Snapshot.of(metrics)
    users = sorted((each for each in snapshot if not each.name.startswith("polymeter.")), key=_order)
    lines: list[str] = []
    for (name, kind), of_name in groupby(users, key=lambda each: (each.name, each.kind)):
        every = list(of_name)
        unit = every[0].unit.symbol
        lines.append(f"{name} ({kind}, {unit})" if unit else f"{name} ({kind})")
        lines += [f"  {{{each.tags}}} {_figures(each, durations)}" for each in every]
    return "".join(f"{line}\n" for line in lines)


def assert_approved(
    what: Iterable[Metric] | CanTellAll | str,
    name: str,
    *,
    durations: Durations = "counted",
    beside: str | os.PathLike[str] | None = None,
) -> None:
    """See that metrics, or a text, are as in the file ``approved/<module>.<name>.txt`` beside the calling module.

    ``pytest --polymeter-approve``, or ``POLYMETER_APPROVE=1``, writes the files instead: look at them, and commit them.

    :param what: a snapshot, any metrics, a ``Metrics`` or a registry, or a text.
    :param name: letters, digits, ``_``, ``-`` and ``.``; one for each call in a module.
    :param durations: see :func:`approved_text`.
    :param beside: the module that the file is for; default: whoever calls.
    :raises AssertionError: with the differences, or if there is no such file yet.
    :raises DefinitionError: for a name that no file should have, or if the caller is no file.
    """
    __tracebackhide__ = True
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        message = f"assert_approved(name={name!r}): it names a file; use letters, digits, '_', '-' and '.'"
        raise DefinitionError(message)
    module = Path(sys._getframe(1).f_code.co_filename if beside is None else beside)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - as warnings do
    if module.suffix != ".py":
        message = f"assert_approved(): {module} is no file that another can be beside; use beside=__file__"
        raise DefinitionError(message)
    file = module.parent / "approved" / f"{module.stem}.{name}.txt"
    text = _lines_of(what if isinstance(what, str) else approved_text(what, durations=durations))
    approved = _lines_of(file.read_text("utf-8")) if file.exists() else None
    if approved == text:
        return
    if Approving.is_on or os.environ.get(VARIABLE) == "1":
        _write(file, text)
        return
    how = f"to approve it, run this test with --polymeter-approve, or {VARIABLE}=1"
    if approved is None:
        message = f"nothing is approved yet in {file}; there is now:\n\n{text}\n{how}"
        raise AssertionError(message)
    message = f"not as approved in {file}:\n\n{_differences(approved, text)}\n{how}"
    raise AssertionError(message)


def _order(metric: Metric) -> tuple[str, str, str]:
    return (metric.name, metric.kind, str(metric.tags))


def _figures(metric: Metric, durations: Durations) -> str:
    is_left_out = durations == "counted" and (metric.kind is Kind.TIMER or metric.unit.is_time)
    if isinstance(metric, ReadsDistribution):
        if is_left_out or not metric.count:
            return f"count {metric.count}"
        least, most = number(metric.min), number(metric.max)
        return f"count {metric.count}, total {number(metric.sum)}, min {least}, max {most}"
    return "(time)" if is_left_out else number(metric.value)


def _lines_of(text: str) -> str:
    """Give a text as any editor and git leave it: one kind of line end, none missing, no spaces before it."""
    writable = text.encode("utf-8", "backslashreplace").decode()
    return "".join(f"{line.rstrip()}\n" for line in writable.splitlines())


def _differences(approved: str, now: str) -> str:
    from difflib import unified_diff

    lines = unified_diff(approved.splitlines(), now.splitlines(), "approved", "now", lineterm="", n=3)
    return "".join(f"{line}\n" for line in lines)


def _write(file: Path, text: str) -> None:
    """Replace the file as a whole: tests in other processes may read it."""
    file.parent.mkdir(exist_ok=True)
    part = file.with_name(f"{file.name}.{os.getpid()}")
    part.write_text(text, "utf-8", newline="\n")
    part.replace(file)

"""Strand: the task or, outside of tasks, the thread that runs now."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any, Final, final
from weakref import ref

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Strand", "current_strand"]


@final
class Strand:
    """One task or thread. It lives as long as that does, and holds nothing of it.

    :ivar name: of the task or thread.
    :ivar ref: by which others remember it.
    """

    __slots__ = ("__weakref__", "name", "ref")

    def __init__(self, name: str) -> None:
        self.name = name
        self.ref: Final = ref(self)


class _OfThread(threading.local):
    strand: Strand | None = None


_of_thread: Final = _OfThread()

# Changed by single calls into C. By the task, not by a context variable: a task may run some of its code in copies of
# its context, and a copy cannot be told from a child.
_of_tasks: Final[dict[ref[Any], Strand]] = {}


def current_strand() -> Strand:
    """Give the strand that runs now."""
    task = _current_task()
    if task is None:
        found = _of_thread.strand
        if found is None:
            found = _of_thread.strand = Strand(threading.current_thread().name)
        return found
    found = _of_tasks.get(ref(task))
    if found is None:
        found = _of_tasks.setdefault(ref(task, _forget), Strand(_name_of(task)))
    return found


def _current_task() -> Any:
    """Give the task of asyncio or trio that runs in this thread. Neither is imported for it."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None:
        try:
            running = asyncio._get_running_loop()  # noqa: SLF001 # pyright: ignore - answers None where the public one raises
            if running is not None:
                return asyncio.current_task(running)
        except AttributeError:  # it is just being imported
            pass
    trio = sys.modules.get("trio")
    if trio is not None:
        try:
            return trio.lowlevel.current_task()
        except (AttributeError, RuntimeError):
            pass
    return None


def _name_of(task: Any) -> str:
    get_name = getattr(task, "get_name", None)
    return str(get_name() if get_name is not None else getattr(task, "name", "task"))


def _forget(task: ref[Any], forget: Callable[..., object] = _of_tasks.pop) -> None:
    forget(task, None)

"""What has to happen in the child of a fork: locks anew, counts from zero."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet

__all__ = ["KnowsFork", "after_fork"]


class KnowsFork(Protocol):
    """Something that must not go on in a forked child as it was in the parent."""

    def after_fork_in_child(self) -> None:
        """Start anew. Called in the child before any other code of it runs; must not start threads."""


_known: WeakSet[KnowsFork] = WeakSet()


def after_fork(thing: KnowsFork) -> None:
    """Have ``thing`` told in every forked child, as long as it lives."""
    _known.add(thing)


def _tell_all() -> None:
    errors: list[Exception] = []
    for thing in list(_known):
        try:
            thing.after_fork_in_child()
        except Exception as error:  # noqa: BLE001 - raised once all of them have been told
            errors.append(error)
    if errors:
        raise errors[0]


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_tell_all)

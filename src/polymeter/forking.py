"""What has to happen in the child of a fork: locks anew, counts from zero."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import ref

__all__ = ["KnowsFork", "after_fork"]


class KnowsFork(Protocol):
    """Something that must not go on in a forked child as it was in the parent."""

    def after_fork_in_child(self) -> None:
        """Start anew. Called in the child before most other code of it runs; must not start threads.

        A finaliser, or a hook that another library has registered earlier, may run even before it.
        """


# Changed and copied by single calls into C: a WeakSet that somebody adds to while it is walked raises.
_known: set[ref[KnowsFork]] = set()


def after_fork(thing: KnowsFork) -> None:
    """Have ``thing`` told in every forked child, as long as it lives."""
    _known.add(ref(thing, _known.discard))


def _tell_all() -> None:
    errors: list[BaseException] = []
    for reference in list(_known):
        thing = reference()
        if thing is None:
            continue
        try:
            thing.after_fork_in_child()
        except BaseException as error:  # noqa: BLE001 - raised once all of them have been told
            errors.append(error)
    if errors:
        raise errors[0]


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_tell_all)

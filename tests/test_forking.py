"""What is told in a forked child."""

from __future__ import annotations

import gc
import os
import weakref

import pytest

from polymeter.forking import after_fork
from polymeter.testing.contracts.registry.child import answer_of_a_child


class Thing:
    def __init__(self, error=None):
        self.told = []
        self.error = error

    def after_fork_in_child(self):
        self.told.append(os.getpid())
        if self.error is not None:
            raise self.error


def test_a_thing_is_told_in_the_child_only():
    """Once per fork, before anything else there."""
    thing = Thing()
    after_fork(thing)
    after_fork(thing)
    assert answer_of_a_child(lambda: thing.told == [os.getpid()])
    assert answer_of_a_child(lambda: len(thing.told)) == 1
    assert thing.told == []


def test_a_child_of_a_child_is_told_too():
    """Each time."""
    thing = Thing()
    after_fork(thing)
    assert answer_of_a_child(lambda: [len(thing.told), answer_of_a_child(lambda: len(thing.told))]) == [1, 2]


def test_being_told_keeps_nothing_alive():
    """Who is gone is not told."""
    thing = Thing()
    told, gone = thing.told, weakref.ref(thing)
    after_fork(thing)
    del thing
    gc.collect()
    assert gone() is None
    assert answer_of_a_child(lambda: told) == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_one_that_raises_does_not_keep_the_others_from_being_told(error):
    """Whichever comes first."""
    things = [Thing(error=error()) for _ in range(5)]
    for thing in things:
        after_fork(thing)
    try:
        assert answer_of_a_child(lambda: [len(thing.told) for thing in things]) == [1] * 5
    finally:
        for thing in things:
            thing.error = None

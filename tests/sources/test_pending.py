"""What a run hangs on, where no library is needed to see it."""

from __future__ import annotations

import weakref

import pytest

from polymeter.sources import start_inference
from polymeter.sources.openai_answers import AnswerReader
from polymeter.sources.pending import PendingAnswer, twin_of, when_closed


@pytest.fixture
def answer(ear):
    run = start_inference(ear.dispatcher, model="m", streamed=True)
    run.attempt_started()
    return PendingAnswer(run, AnswerReader(run, 1, lambda: None))


class Held:
    pass


def test_what_is_held_after_the_end_is_not_kept_in_mind(ear, answer):
    """Another thread may have ended it in the meantime."""
    held = Held()
    answer.run.end("cancelled")
    registered = len(weakref.finalize._registry)
    answer.hold(held)
    assert len(weakref.finalize._registry) == registered
    assert ear.outcomes == ["cancelled"]


def test_what_is_held_last_decides(ear, answer):
    first, last = Held(), Held()
    answer.hold(first)
    answer.hold(last)
    del first
    assert ear.outcomes == []
    del last
    assert ear.outcomes == ["abandoned"]


def test_a_response_that_cannot_be_hooked_is_left_alone(ear, answer):
    class Slotted:
        __slots__ = ()

        def close(self):
            pass

    response = Slotted()
    when_closed(response, answer)
    response.close()
    assert ear.outcomes == []
    answer.end("ok")


def test_a_twin_is_the_same_in_all_but_identity():
    held = Held()
    held.name = "one"
    twin = twin_of(held)
    twin.other = 2
    held.name = "two"
    assert (type(twin), twin.name, held.other) == (Held, "two", 2)
    assert twin is not held


def test_what_is_finalised_has_no_twin():
    class Finalised:
        def __del__(self):
            pass

    held = Finalised()
    assert twin_of(held) is held

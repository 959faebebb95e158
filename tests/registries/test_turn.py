"""Whose turn it is."""

from __future__ import annotations

import os
import threading
import time

import pytest

from polymeter.registries import turn as module
from polymeter.registries.turn import PATIENCE, Turn, give_way, here, new_claim


def hold(turn):
    """Have another thread take the turn; give what ends that."""
    taken, end = threading.Event(), threading.Event()

    def work():
        claim = new_claim()
        assert turn.comes(claim, wait=False)
        taken.set()
        end.wait()
        del turn.claims[None]

    thread = threading.Thread(target=work)
    thread.start()
    taken.wait()

    def release():
        end.set()
        thread.join()

    return release


def test_it_comes_to_the_first_who_claims_it():
    """And to the next one when that has let go."""
    turn, claim = Turn(), new_claim()
    assert turn.comes(claim, wait=False)
    assert turn.claims == {None: claim}
    del turn.claims[None]
    assert turn.comes(new_claim(), wait=False)


def test_nobody_waits_who_does_not_want_to():
    """As who records."""
    turn = Turn()
    release = hold(turn)
    assert not turn.comes(new_claim(), wait=False)
    release()


def test_who_waits_gets_it_when_the_other_is_done():
    """Not before."""
    turn, claim = Turn(), new_claim()
    release = hold(turn)
    timer = threading.Timer(0.05, release)
    timer.start()
    assert turn.comes(claim, wait=True)
    assert turn.claims[None] is claim
    timer.join()


def test_nobody_waits_for_ever(monkeypatch):
    """The other may be waiting for this one."""
    monkeypatch.setattr(module, "PATIENCE", 0.02)
    turn = Turn()
    release = hold(turn)
    assert not turn.comes(new_claim(), wait=True)
    release()
    assert PATIENCE == 1.0


def test_a_thread_does_not_wait_for_itself():
    """A signal handler inside of a turn is told at once, and so is one that came before the turn was noted."""
    turn = Turn()
    assert turn.comes(new_claim(), wait=False)
    began = time.monotonic()
    assert not turn.comes(new_claim(), wait=True)
    assert time.monotonic() - began < PATIENCE / 2


def test_inside_of_one_turn_nobody_waits_for_another():
    """Two threads could stand there for ever, each in the turn that the other wants."""
    turn = Turn()
    release = hold(turn)
    here.claim = new_claim()
    began = time.monotonic()
    try:
        assert not turn.comes(new_claim(), wait=True)
        give_way()
    finally:
        here.claim = None
    assert time.monotonic() - began < PATIENCE / 2
    release()


def test_two_claims_of_one_thread_are_equal_and_not_the_same():
    """By the first a thread knows its own turn, by the second an outer call knows whose it is."""
    assert new_claim() == new_claim()
    assert new_claim() is not new_claim()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_child_knows_that_it_has_a_copy():
    """In which a thread may hold the turn that does not exist there."""
    turn = Turn()
    assert not turn.is_inherited
    child = os.fork()
    if not child:
        os._exit(0 if turn.is_inherited and not Turn().is_inherited else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

"""Subscription: something that can be undone, once."""

from __future__ import annotations

import sys

import pytest

from polymeter.subscription import Subscription


@pytest.fixture
def undone():
    return []


def undoing(undone, name):
    return Subscription(lambda: undone.append(name))


def test_it_is_undone_once(undone):
    """Undoing it again does nothing."""
    subscription = undoing(undone, "a")
    assert subscription.active
    subscription.cancel()
    subscription.cancel()
    assert undone == ["a"]
    assert not subscription.active


def test_a_block_undoes_it(undone):
    """However it ends."""
    with pytest.raises(ValueError, match="out"), undoing(undone, "a"):
        raise ValueError("out")
    assert undone == ["a"]


def test_undoing_may_come_back_to_it(undone):
    """It is inactive before its undoing begins."""
    subscription = Subscription(lambda: (undone.append("a"), subscription.cancel()))
    subscription.cancel()
    assert undone == ["a"]


def test_one_that_fails_to_be_undone_is_not_tried_again(undone):
    """The error passes through once."""
    subscription = Subscription(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        subscription.cancel()
    subscription.cancel()
    assert not subscription.active


def test_several_are_undone_together_the_last_first(undone):
    """Those that were undone before are passed over."""
    parts = [undoing(undone, name) for name in "abc"]
    whole = Subscription.of_all(part for part in parts)
    parts[1].cancel()
    whole.cancel()
    whole.cancel()
    assert undone == ["b", "c", "a"]
    assert not any(part.active for part in parts)


def test_none_is_nothing():
    """Undoing no subscriptions is fine."""
    Subscription.of_all([]).cancel()


def test_one_that_raises_does_not_keep_the_others_from_being_undone(undone):
    """Its error comes when all of them have had their turn."""
    whole = Subscription.of_all([undoing(undone, "a"), Subscription(lambda: 1 / 0), undoing(undone, "c")])
    with pytest.raises(ZeroDivisionError):
        whole.cancel()
    whole.cancel()
    assert undone == ["c", "a"]


def test_it_is_undone_once_wherever_another_thread_or_a_signal_handler_comes_in_between():
    """The other one is played by a call at each of its steps in turn."""
    step, steps = 0, None
    while steps is None or step < steps:
        undone, passed = [], 0
        subscription = undoing(undone, "a")

        def trace(frame, what, _, step=step, subscription=subscription):
            nonlocal passed
            if frame.f_code is not Subscription.cancel.__code__:
                return None
            frame.f_trace_opcodes = True
            if what == "opcode":
                passed += 1
                if passed == step + 1:
                    sys.settrace(None)
                    subscription.cancel()
                    sys.settrace(trace)
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            subscription.cancel()
        finally:
            sys.settrace(before)
        assert undone == ["a"], f"before step {step}"
        steps = passed
        step += 1
    assert steps > 5

"""Which dispatcher is current."""

from __future__ import annotations

import asyncio
import threading

import pytest

from polymeter.contracts import CanDispatchEvents
from polymeter.errors import NotActiveError
from polymeter.events import Event, EventDispatcher, NullDispatcher, activate, active, current, emitter


@pytest.fixture
def mine():
    return EventDispatcher()


@pytest.fixture
def other():
    return EventDispatcher()


def in_a_thread(work):
    results = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join()
    return results[0]


def test_by_default_nobody_is_current():
    """A dispatcher that does nothing stands there."""
    assert isinstance(current(), NullDispatcher)
    assert isinstance(current(), CanDispatchEvents)
    event = Event()
    assert current().dispatch(event) is event
    assert not current().emitter(Event).listening
    current().emitter(Event)(event)


def test_the_one_that_does_nothing_refuses_listeners():
    """They would never hear anything; the message says what to do."""
    with pytest.raises(NotActiveError, match=r"nobody would ever hear Event: use `with metrics.active\(\):`"):
        current().add_listener(Event, print)


def test_active_holds_for_a_block(mine, other):
    """Blocks may be nested; each ends where it began."""
    with active(mine) as given:
        assert given is current() is mine
        with active(other):
            assert current() is other
        assert current() is mine
    assert isinstance(current(), NullDispatcher)


def test_a_block_that_raises_ends_too(mine):
    """Nothing stays behind."""
    with pytest.raises(ValueError, match="out"), active(mine):
        raise ValueError("out")
    assert isinstance(current(), NullDispatcher)


def test_a_block_is_of_its_thread(mine):
    """Another thread does not see it, unless it takes the context along."""
    with active(mine):
        assert in_a_thread(current) is not mine


def test_a_task_sees_the_block_it_was_started_in(mine, other):
    """And what it makes current itself is its own affair."""

    async def task():
        before = current()
        with active(other):
            await asyncio.sleep(0)
            return before, current()

    async def main():
        with active(mine):
            tasks = [asyncio.create_task(task()) for _ in range(3)]
            return await asyncio.gather(*tasks), await asyncio.to_thread(current), current()

    assert asyncio.run(main()) == ([(mine, other)] * 3, mine, mine)


def test_activate_holds_for_the_process(mine):
    """In every thread, until it is undone."""
    with activate(mine):
        assert current() is mine
        assert in_a_thread(current) is mine
    assert isinstance(current(), NullDispatcher)


def test_a_block_goes_before_the_process(mine, other):
    """In its context only."""
    with activate(mine), active(other):
        assert current() is other
        assert in_a_thread(current) is mine


def test_the_last_activation_wins_and_each_is_undone_by_itself(mine, other):
    """In any order."""
    first, second = activate(mine), activate(other)
    assert current() is other
    first.cancel()
    assert current() is other
    second.cancel()
    assert isinstance(current(), NullDispatcher)


def test_undoing_one_of_two_activations_of_the_same_dispatcher_undoes_that_one(mine, other):
    """What was current before it is current again."""
    first, second, third = activate(mine), activate(other), activate(mine)
    third.cancel()
    assert current() is other
    second.cancel()
    assert current() is mine
    first.cancel()


def test_a_dispatcher_of_your_own_may_be_empty(mine):
    """Whatever ``bool`` says of it."""

    class Empty(EventDispatcher):
        def __len__(self):
            return 0

    empty = Empty()
    with active(empty):
        assert current() is empty


def test_the_emitter_of_a_module_follows_what_is_current(mine):
    """It is made once, long before anybody listens."""
    emit = emitter(Event)
    heard = []
    emit(Event())
    assert not emit.listening
    mine.add_listener(Event, heard.append)
    assert not emit.listening
    with active(mine):
        assert emit.listening
        emit(Event())
    assert not emit.listening
    assert len(heard) == 1

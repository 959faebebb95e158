"""An exception in a listener stays there."""

from __future__ import annotations

import asyncio
import logging

import pytest

from polymeter.events import Event, EventDispatcher

SECRET = "sk-very-secret"


def fail(_event):
    raise ValueError(SECRET)


@pytest.fixture
def heard():
    return []


def test_a_failure_reaches_neither_the_host_nor_the_next_listener(dispatcher, heard):
    """It is counted where it happened."""
    dispatcher.add_listener(Event, fail)
    dispatcher.add_listener(Event, heard.append)
    event = Event()
    assert dispatcher.dispatch(event) is event
    assert heard == [event]
    failed, well = dispatcher.health()
    assert (failed.failed, failed.handled, failed.deliveries) == (1, 0, 1)
    assert (well.failed, well.handled, well.deliveries) == (0, 1, 1)


def test_health_says_what_failed_and_where_but_not_what_it_said(dispatcher):
    """The message of an exception may quote anything."""
    dispatcher.add_listener(Event, fail)
    dispatcher.dispatch(Event())
    (health,) = dispatcher.health()
    assert health.listener.endswith("test_isolation.fail")
    assert health.event == "Event"
    line = fail.__code__.co_firstlineno + 1
    assert health.last_error == f"ValueError at {__file__}:{line}"


def test_a_failure_is_logged_once_per_minute(dispatcher, clock, caplog):
    """Each listener for itself; counts tell the rest."""
    dispatcher.add_listener(Event, fail)
    dispatcher.add_listener(object, lambda _: 1 / 0)
    for _ in range(4):
        dispatcher.dispatch(Event())
    assert [record.name for record in caplog.records] == ["polymeter.events"] * 2
    clock.advance(59.9)
    dispatcher.dispatch(Event())
    assert len(caplog.records) == 2
    clock.advance(60)
    dispatcher.dispatch(Event())
    assert len(caplog.records) == 4


def test_the_log_says_what_failed_but_not_what_it_said(dispatcher, caplog):
    """Neither in the text nor in what a formatter could add."""
    dispatcher.add_listener(Event, fail)
    dispatcher.dispatch(Event())
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "test_isolation.fail failed on Event: ValueError at" in record.getMessage()
    assert SECRET not in logging.Formatter().format(record)
    assert SECRET not in repr(vars(record))


def test_a_log_handler_that_raises_does_not_reach_the_host(dispatcher):
    """Logging is the user's, and may do anything."""

    def refuse(_record):
        raise RuntimeError

    logger = logging.getLogger("polymeter.events")
    logger.addFilter(refuse)
    try:
        dispatcher.add_listener(Event, fail)
        dispatcher.dispatch(Event())
    finally:
        logger.removeFilter(refuse)
    assert dispatcher.health()[0].failed == 1


def test_on_error_raise_passes_it_on(clock, heard):
    """For tests: who dispatched is told, and nobody after the one that failed."""
    dispatcher = EventDispatcher(on_error="raise", clock=clock)
    dispatcher.add_listener(Event, fail)
    dispatcher.add_listener(Event, heard.append)
    with pytest.raises(ValueError, match=SECRET):
        dispatcher.dispatch(Event())
    assert heard == []
    assert [health.failed for health in dispatcher.health()] == [1, 0]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, asyncio.CancelledError, GeneratorExit])
def test_what_is_no_exception_always_propagates(dispatcher, error):
    """It is meant for somebody else."""

    def interrupt(_):
        raise error

    dispatcher.add_listener(Event, interrupt)
    with pytest.raises(error):
        dispatcher.dispatch(Event())
    assert dispatcher.health()[0].failed == 1


def test_losses_outlive_the_listener(dispatcher):
    """Also those of an event that was on its way when it was removed."""

    def last(_):
        subscription.cancel()
        raise ValueError

    subscription = dispatcher.add_listener(Event, last)
    dispatcher.dispatch(Event())
    assert dispatcher.health() == []
    assert list(dispatcher.losses().values()) == [(1, 0)]
    with dispatcher.add_listener(Event, fail):
        for _ in range(7):
            dispatcher.dispatch(Event())
    assert dispatcher.losses()[f"{__name__}.fail", "Event"] == (5, 2)


def test_losses_of_listeners_made_on_the_fly_are_counted_together_however_many_there_are(dispatcher):
    """What is remembered about them is bounded."""
    for number in range(5000):
        event_type = type(f"Made{number}", (), {})
        with dispatcher.add_listener(event_type, fail):
            dispatcher.dispatch(event_type())
    losses = dispatcher.losses()
    assert len(losses) == 4097
    assert losses["__other__", "__other__"] == (904, 0)


def test_a_dispatcher_has_no_failures_at_first(dispatcher):
    """And its listeners have done nothing."""
    dispatcher.add_listener(Event, fail)
    (health,) = dispatcher.health()
    assert (health.deliveries, health.is_quarantined, health.last_error) == (0, False, None)

"""Fixtures for pytest: ``pytest_plugins = ["polymeter.testing.pytest_plugin"]`` in your ``conftest.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from polymeter.events.dispatcher import EventDispatcher
from polymeter.metrics import Metrics
from polymeter.testing.clock import ManualClock
from polymeter.testing.conservation import laws

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polymeter.testing.conservation import Laws

__all__ = ["laws_hold", "manual_clock", "metrics"]


@pytest.fixture
def manual_clock() -> ManualClock:
    """Give a clock that stands still until the test moves it; the ``metrics`` fixture of the same test uses it."""
    return ManualClock()


@pytest.fixture
def laws_hold() -> Iterator[Laws]:
    """Fail a test after which a delivery or a record is not accounted for, in what it made.

    See :func:`polymeter.testing.laws`. For all tests: an autouse fixture of your own that takes this one.
    """
    with laws() as both:
        yield both


@pytest.fixture
def metrics(manual_clock: ManualClock, request: pytest.FixtureRequest) -> Iterator[Metrics]:
    """Give a ``Metrics`` of this test's own, current while the test runs, on a manual clock.

    A listener that raises fails the test, instead of being counted as it is in production.
    """
    if "laws_hold" in request.fixturenames:
        request.getfixturevalue("laws_hold")  # first: it watches what is made from then on
    facade = Metrics(EventDispatcher(on_error="raise", clock=manual_clock), clock=manual_clock)
    with facade.active(), facade:
        yield facade

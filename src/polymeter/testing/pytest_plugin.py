"""Fixtures for pytest: ``pytest_plugins = ["polymeter.testing.pytest_plugin"]`` in your ``conftest.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from polymeter.events.dispatcher import EventDispatcher
from polymeter.metrics import Metrics
from polymeter.testing.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["manual_clock", "metrics"]


@pytest.fixture
def manual_clock() -> ManualClock:
    """Give a clock that stands still until the test moves it; the ``metrics`` fixture of the same test uses it."""
    return ManualClock()


@pytest.fixture
def metrics(manual_clock: ManualClock) -> Iterator[Metrics]:
    """Give a ``Metrics`` of this test's own, current while the test runs, on a manual clock.

    A listener that raises fails the test, instead of being counted as it is in production.
    """
    facade = Metrics(EventDispatcher(on_error="raise", clock=manual_clock), clock=manual_clock)
    with facade.active(), facade:
        yield facade

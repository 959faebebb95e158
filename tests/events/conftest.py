"""A dispatcher on a clock that stands still."""

from __future__ import annotations

import pytest

from polymeter.events import EventDispatcher
from polymeter.testing import ManualClock


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def dispatcher(clock):
    return EventDispatcher(clock=clock)

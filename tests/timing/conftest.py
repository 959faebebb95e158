"""A facade on a clock that stands still, and what was told to it."""

from __future__ import annotations

import pytest

from polymeter import Metrics
from polymeter.collectors import TimingMetricsCollector
from polymeter.events.timing import TimingEvent
from polymeter.testing import ManualClock


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def metrics(clock):
    with Metrics(clock=clock).collect(TimingMetricsCollector()) as metrics, metrics.active():
        yield metrics


@pytest.fixture
def told(metrics):
    events = []
    metrics.events.add_listener(TimingEvent, events.append)
    return events

"""A facade with one exporter."""

from __future__ import annotations

import threading

import pytest

from polymeter.metrics import Metrics
from polymeter.testing import ManualClock
from tests.pump.exporters import Recording


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def metrics(clock):
    """Close it at the end, and see that no thread of it is left."""
    with Metrics(clock=clock) as it:
        yield it
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("polymeter")]


@pytest.fixture
def exporter(metrics):
    it = Recording()
    metrics.export_to(it)
    return it

"""A facade of a test's own, and an event to measure."""

from __future__ import annotations

import pytest

from polymeter.metrics import Metrics
from polymeter.testing import ManualClock


@pytest.fixture
def metrics():
    return Metrics(clock=ManualClock())

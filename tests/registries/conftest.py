"""A clock for tests of what registries do with time."""

from __future__ import annotations

import pytest

from polymeter.testing import ManualClock


@pytest.fixture
def clock():
    return ManualClock()

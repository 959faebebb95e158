"""What every test shares: the thoroughness of properties, no thread left behind, and the servers as fixtures."""

from __future__ import annotations

import threading

import pytest
from hypothesis import HealthCheck, settings

from polymeter.testing import laws
from tests.servers.fixtures import (
    jobs,
    prometheus,
    promtool,
    pushgateway,
    redis,
    rotel,
    running_statsd,
    running_test_agent,
    scrapers,
    statsd,
    test_agent,
    victoria_metrics,
)

__all__ = [  # fixtures are found here
    "jobs",
    "prometheus",
    "promtool",
    "pushgateway",
    "redis",
    "rotel",
    "running_statsd",
    "running_test_agent",
    "scrapers",
    "statsd",
    "test_agent",
    "victoria_metrics",
]

# No deadlines and no "too slow": how long a machine takes says nothing about whether a property holds.
settings.register_profile(
    "fast", max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "thorough", max_examples=3000, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("fast")  # `make test-long` loads the other: --hypothesis-profile=thorough

PATIENCE = 10
"""Seconds that a thread which is about to end gets to do so after its test."""


@pytest.fixture(autouse=True)
def both_laws_hold():
    """Fail a test after which a delivery or a record is not accounted for, in whatever it made."""
    with laws():
        yield


@pytest.fixture(autouse=True)
def no_thread_left_behind(both_laws_hold):  # when the laws are looked at, all threads have ended
    """Fail a test after which a thread goes on that was not there before it and its wider fixtures."""
    before = set(threading.enumerate())
    yield
    after = [thread for thread in threading.enumerate() if thread not in before]
    for thread in after:
        thread.join(PATIENCE)
    left = [thread.name for thread in after if thread.is_alive()]
    if left:
        pytest.fail(f"threads left behind: {left}")

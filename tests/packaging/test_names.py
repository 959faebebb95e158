"""The public names: what users may rely on, and so what a change here changes for them."""

from __future__ import annotations

import importlib

import pytest

import polymeter
from tests.interpreter import SRC

PUBLIC_NAMES = [
    "Clock",
    "Combine",
    "Counter",
    "DefinitionConflictError",
    "DefinitionError",
    "Distribution",
    "ExportError",
    "Gauge",
    "Health",
    "Histogram",
    "InvalidMetricError",
    "InvalidTagsError",
    "Kind",
    "ListenerError",
    "Metric",
    "MetricDefinition",
    "MetricNotFoundError",
    "Metrics",
    "MissingExtraError",
    "NotActiveError",
    "PolymeterError",
    "Snapshot",
    "Subscription",
    "Tags",
    "Timer",
    "UpDownCounter",
    "__version__",
    "context_tags",
]
"""Everything that `from polymeter import ...` promises, sorted."""

ROOMS = sorted(found.parent.name for found in SRC.glob("polymeter/*/__init__.py"))


def test_the_front_door_is_exactly_this_list():
    assert sorted(getattr(polymeter, "__all__", ())) == PUBLIC_NAMES


@pytest.mark.parametrize("room", ["", *ROOMS], ids=["polymeter", *ROOMS])
def test_every_name_that_a_room_lists_can_be_imported(room):
    module = importlib.import_module(f"polymeter.{room}" if room else "polymeter")
    missing = [name for name in getattr(module, "__all__", ()) if not hasattr(module, name)]
    assert missing == []


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_says_what_it_promises(room):
    module = importlib.import_module(f"polymeter.{room}")
    assert module.__doc__
    assert module.__all__

"""The values and their merge: the one algebra that everything else stands on."""

from __future__ import annotations

from polymeter.data.counter import Counter, UpDownCounter
from polymeter.data.definition import Combine, MetricDefinition
from polymeter.data.distribution import Distribution
from polymeter.data.exemplar import Exemplar
from polymeter.data.fold import combine, fold
from polymeter.data.gauge import Gauge
from polymeter.data.histogram import Histogram, Timer
from polymeter.data.kind import Kind
from polymeter.data.metric import Metric
from polymeter.data.snapshot import Snapshot
from polymeter.data.tags import Tags, TagsLike, TagValue
from polymeter.data.units import Unit

__all__ = [
    "Combine",
    "Counter",
    "Distribution",
    "Exemplar",
    "Gauge",
    "Histogram",
    "Kind",
    "Metric",
    "MetricDefinition",
    "Snapshot",
    "TagValue",
    "Tags",
    "TagsLike",
    "Timer",
    "Unit",
    "UpDownCounter",
    "combine",
    "fold",
]

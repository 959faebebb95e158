"""Filters: what an operator changes about metrics, whoever records them.

They are given to a registry, ``AggregatingRegistry(filters=[Deny("debug.*"), DropTags("user_id")])``, and asked when
a series is made, never for each record. Which does what, and in which order: :class:`FilterChain`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.lazily import lazily

if TYPE_CHECKING:
    from polymeter.registries.filters.chain import FilterChain
    from polymeter.registries.filters.from_context import ContextTags
    from polymeter.registries.filters.hop import Hop
    from polymeter.registries.filters.metric_id import MetricId
    from polymeter.registries.filters.names import Namespace, RenameMetric
    from polymeter.registries.filters.options import MaximumSeries, MetricOptions
    from polymeter.registries.filters.protocols import MetricFilter
    from polymeter.registries.filters.tags import CommonTags, DropTags, KeepTags, RenameTag
    from polymeter.registries.filters.values import ReplaceTagValues
    from polymeter.registries.filters.verdicts import Accept, Deny, DenyUnless
else:
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "chain": "FilterChain",
            "from_context": "ContextTags",
            "hop": "Hop",
            "metric_id": "MetricId",
            "names": "Namespace RenameMetric",
            "options": "MaximumSeries MetricOptions",
            "protocols": "MetricFilter",
            "tags": "CommonTags DropTags KeepTags RenameTag",
            "values": "ReplaceTagValues",
            "verdicts": "Accept Deny DenyUnless",
        },
    )

__all__ = [
    "Accept",
    "CommonTags",
    "ContextTags",
    "Deny",
    "DenyUnless",
    "DropTags",
    "FilterChain",
    "Hop",
    "KeepTags",
    "MaximumSeries",
    "MetricFilter",
    "MetricId",
    "MetricOptions",
    "Namespace",
    "RenameMetric",
    "RenameTag",
    "ReplaceTagValues",
]

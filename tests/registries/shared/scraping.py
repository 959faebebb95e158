"""A scraper that looks at every scrape whether anything has fallen."""

from __future__ import annotations

from polymeter.data.kind import Kind
from polymeter.registries import SharedRegistry
from tests.registries.shared.tree import APP, series

COUNTS = (Kind.COUNTER, Kind.HISTOGRAM, Kind.TIMER)


class Scraper:
    """Reads the view of an app that it does not record in."""

    def __init__(self, folder):
        self.registry = SharedRegistry(APP, directory=folder)
        self.scrapes = 0
        self._highest = {}

    def scrape(self):
        """Give series -> (records, sum), counters by their sum alone; fail if something fell or is gone."""
        self.scrapes += 1
        snapshot = self.registry.snapshot()
        seen = {}
        for metric in snapshot:
            if metric.kind not in COUNTS:
                assert metric.value >= 0, metric
                continue
            key = series(metric.name, metric.tags.to_dict())
            if metric.kind is Kind.COUNTER:
                seen[key] = (metric.value, metric.value)
            else:
                buckets = sum(metric.distribution.positive.counts) + metric.distribution.zeros
                assert buckets == metric.count, metric
                seen[key] = (metric.count, metric.sum)
        for key, before in self._highest.items():
            assert key in seen, f"{key} is gone, it was {before}; scrape {self.scrapes}"
            assert seen[key] >= before, f"{key} fell from {before} to {seen[key]}; scrape {self.scrapes}"
            assert seen[key][1] >= before[1], f"{key} fell from {before} to {seen[key]}; scrape {self.scrapes}"
        self._highest = seen
        return {key: said for key, said in seen.items() if not key.startswith("polymeter.")}

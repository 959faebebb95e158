"""The labels of what was recorded, and of what comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.servers.prometheus import Labels, Moment

SUMS = {"jobs.done": "jobs_done_total", "energy": "energy_total", "temperature": "temperature", "open": "open"}
"""Metrics of a single value -> their names in Prometheus."""
OBSERVED = {"queue.wait_ms": "queue_wait_seconds", "answer.size_bytes": "answer_size_bytes"}
"""Histograms and timers -> their names in Prometheus."""


def seen_by(page: Moment, expression: str) -> dict[Labels, float]:
    """Give what an expression finds of a page alone, without the labels that the server adds.

    :param expression: with braces: ``jobs_done_total{}``.
    """
    vector = page.vector(expression.replace("{", f'{{job="{page.job}", '))
    added = {"job", "instance"}
    return {frozenset(pair for pair in labels if pair[0] not in added): value for labels, value in vector.items()}


def legal(labels: Labels) -> Labels:
    """Give labels as every Prometheus can have them."""
    return frozenset((name.replace(" ", "_"), text) for name, text in labels)

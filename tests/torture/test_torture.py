"""Torture: no hang, totals that are exact, and reads that agree with themselves, wherever records are made.

Each case is a script of ``scenarios/`` in an interpreter of its own. ``make test`` runs them shortly; ``make torture``
for longer: ``TORTURE_SECONDS=60 make torture`` for as long as you like.
"""

from __future__ import annotations

import os

import pytest

from tests.torture.watchdog import outcome_of

SHORT = 0.3
LONG = float(os.environ.get("TORTURE_SECONDS", "5"))
WATCHDOG = 60
"""Seconds beyond its own time after which a scenario has hung."""

WAYS = ("bound", "named", "dispatched", "points", "windowed")
FACADE = ("dispatched",)
SCENARIOS = {
    "collecting": WAYS,
    "signalled": WAYS,
    "interrupted": WAYS,
    "threaded": WAYS,
    "flooding": ("bound", "named", "dispatched", "points"),
    "forking": ("bound", "named", "dispatched", "windowed"),
    "forking_collecting": ("bound", "dispatched", "windowed"),
    "crossed": ("bound", "dispatched", "windowed"),
    "held": ("bound", "dispatched", "points", "windowed"),
    "clearing": WAYS,
    "clearing_inside": WAYS,
    "tasks": ("named", "dispatched"),
    "wiring": FACADE,
    "quarantined": FACADE,
    "pumping": FACADE,
    "exporting_inside": FACADE,
    "exiting": FACADE,
    "exiting_stuck": FACADE,
}
CASES = [pytest.param(scenario, way, id=f"{scenario}-{way}") for scenario, ways in SCENARIOS.items() for way in ways]


def checked(scenario, way, seconds):
    complaints = outcome_of(scenario, way, seconds, seconds + WATCHDOG).complaints()
    assert not complaints, "\n".join(complaints)


@pytest.mark.timeout(SHORT + 2 * WATCHDOG)
@pytest.mark.parametrize(("scenario", "way"), CASES)
def test_it_neither_hangs_nor_miscounts(scenario, way):
    checked(scenario, way, SHORT)


@pytest.mark.torture
@pytest.mark.timeout(LONG + 2 * WATCHDOG)
@pytest.mark.parametrize(("scenario", "way"), CASES)
def test_it_neither_hangs_nor_miscounts_in_the_long_run(scenario, way):
    checked(scenario, way, LONG)

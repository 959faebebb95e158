"""Processes that spool, and are killed wherever they are: what was recorded is delivered, with whoever comes next."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polymeter.testing import FaultServer
from tests.exporters.spool_jobs import Jobs, taken

LAST = 6_000
"""More places than a job has, at which it could be killed."""


class Scene:
    """A back end, and jobs over a folder."""

    def __init__(self):
        self.server = FaultServer()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "spool"
        self.jobs = Jobs(self.path, self.server.url)

    @property
    def left(self):
        return list(self.path.glob("*.spool"))

    def down(self):
        self.server.behaves("refused")

    def up(self):
        self.server.behaves("ok")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.jobs.close()
        self.server.close()
        self.folder.cleanup()


@pytest.fixture
def scene():
    with Scene() as it:
        yield it


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.01])
@pytest.mark.parametrize("temporality", ["delta", "cumulative"])
def test_the_last_numbers_of_a_short_job_leave_with_the_next(scene, temporality, seconds):
    scene.down()
    for _ in range(5):
        scene.jobs.run(temporality=temporality, records=3, seconds=seconds)
    assert len(scene.left) == 5
    scene.up()
    scene.jobs.run(temporality=temporality, records=4, seconds=seconds)
    assert [each["calls"] for each in taken(scene.server)] == [3, 3, 3, 3, 3, 4]
    assert scene.left == []


@pytest.mark.parametrize("temporality", ["delta", "cumulative"])
def test_eight_processes_share_the_work_and_deliver_nothing_twice(scene, temporality):
    scene.down()
    for _ in range(3):
        scene.jobs.run(*[{"records": 5, "exports": 2}] * 8, temporality=temporality)
    assert len(scene.left) == 24
    scene.up()
    scene.jobs.run(*[{"records": 5}] * 8, temporality=temporality)
    scene.jobs.run(records=0, temporality=temporality)
    found = taken(scene.server)
    assert sum(each["calls"] for each in found) == 5 * 32
    assert len({each["id"] for each in found}) == len(found) == 32
    assert scene.left == []


def test_what_ends_while_the_back_end_says_nothing_leaves_with_the_next(scene):
    """At its exit a process waits for a second."""
    scene.server.behaves("black_hole")
    scene.jobs.run(*[{"records": 3}] * 4)
    assert len(scene.left) == 4
    scene.up()
    scene.jobs.run(records=0)
    assert [each["calls"] for each in taken(scene.server)] == [3] * 4


@pytest.mark.parametrize("temporality", ["delta", "cumulative"])
def test_a_job_that_is_killed_anywhere_leaves_what_it_had_exported(scene, temporality):
    """While the back end is down, so that nothing can have arrived before."""
    least, most, place, is_killed = 0, 0, 1, True
    while is_killed:
        scene.down()
        [job] = scene.jobs.run(records=2, exports=1, place=place, temporality=temporality)
        is_killed = job["killed"]
        least, most = least + job["exported"], most + job["recorded"]
        scene.up()
        scene.jobs.run(records=0, temporality=temporality)
        place += 397
    assert place > 1000
    assert scene.left == []
    found = taken(scene.server)
    assert least <= sum(each["calls"] for each in found) <= most
    assert len({each["writer"] for each in found}) == len(found)


jobs = st.fixed_dictionaries(
    {
        "records": st.integers(0, 4),
        "exports": st.integers(0, 2),
        "place": st.one_of(st.just(0), st.integers(1, LAST // 4), st.integers(1, LAST)),
    }
)
rounds = st.lists(st.tuples(st.booleans(), st.lists(jobs, min_size=1, max_size=3)), min_size=1, max_size=5)


def _delivered_is_recorded(rounds, temporality):
    """Run rounds of jobs, each with the back end up or down; then see that all has arrived.

    A job that was killed may have done one thing more than it could say. What a back end took before its sender was
    killed comes once more, as the same snapshot: it counts once.
    """
    least = most = 0
    with Scene() as scene:
        for is_up, some in rounds:
            scene.up() if is_up else scene.down()
            for job in scene.jobs.run(*some, temporality=temporality):
                least, most = least + job["exported"], most + job["recorded"]
        scene.up()
        scene.jobs.run(records=0, temporality=temporality)
        assert scene.left == []
        found = taken(scene.server)
    if temporality == "delta":
        total = sum({each["id"]: each["calls"] for each in found}.values())
    else:
        last = {}
        for each in found:
            last[each["writer"]] = max(each["calls"], last.get(each["writer"], 0))
        total = sum(last.values())
    assert least <= total <= most
    if not any(job["place"] for _, some in rounds for job in some):
        assert least == total == most
        assert temporality == "cumulative" or len({each["id"] for each in found}) == len(found)


FEW = settings(max_examples=8, suppress_health_check=list(HealthCheck), deadline=None)
MANY = settings(max_examples=400, suppress_health_check=list(HealthCheck), deadline=None)


@FEW
@given(rounds, st.sampled_from(["delta", "cumulative"]))
def test_what_was_recorded_is_delivered_in_any_order_of_kills(rounds, temporality):
    _delivered_is_recorded(rounds, temporality)


@pytest.mark.long
@pytest.mark.timeout(900)
@MANY
@given(rounds, st.sampled_from(["delta", "cumulative"]))
def test_what_was_recorded_is_delivered_in_any_of_many_orders_of_kills(rounds, temporality):
    _delivered_is_recorded(rounds, temporality)

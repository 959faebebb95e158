"""What several writers say, as one."""

from __future__ import annotations

import math
import time

import pytest
from redis import Redis

from polymeter.data import Exemplar


@pytest.fixture
def server(redis):
    with Redis.from_url(redis.url) as client:
        yield client


@pytest.fixture
def three(make, clock):
    """Give three writers of one app."""
    return [make(clock=clock) for _ in range(3)]


def die(registry, server):
    """Have a writer die: what holds as long as it lives runs out."""
    assert registry.flush()
    server.delete(registry._keys.live + registry.own.writer)


def test_counts_add_up_exactly(three):
    for number, registry in enumerate(three):
        registry.counter("calls", {"model": "a", "ok": True}, 2**60 + number)
        registry.counter("seconds", None, 0.1)
        registry.flush()
    for registry in three:
        assert registry.total("calls") == 3 * 2**60 + 3
        assert registry.total("seconds") == pytest.approx(0.3, rel=1e-15)
        assert [metric.tags for metric in registry.find("calls")] == [{"model": "a", "ok": True}]


def test_a_sum_of_floats_is_compensated(three):
    for _ in range(200):
        for registry in three:
            registry.counter("seconds", None, 0.1)
            registry.flush()
    three[0].counter("seconds", None, 1e16)
    three[0].flush()
    assert three[1].total("seconds") == math.fsum([0.1] * 600 + [1e16])


def test_distributions_merge(three):
    for registry in three:
        registry.define("size", "histogram", buckets=(1, 10, 100))
    values = [-5, 0, 0.5, 3, 3, 2**40, 1e-12, 7, 1000]
    for number, value in enumerate(values):
        three[number % 3].histogram("size", value)
        three[number % 3].flush()
    whole = three[0].get("size").distribution
    alone = type(whole).of(values, bounds=(1, 10, 100))
    assert whole == alone
    assert whole.bounds == (1, 10, 100)


def test_of_different_bounds_the_common_ones_remain(three):
    for registry, bounds in zip(three, [(1, 2, 5), (2, 5, 9), (0.5, 2, 5)], strict=True):
        registry.define("size", "histogram", buckets=bounds)
        registry.histogram("size", 3)
        registry.flush()
    distribution = three[0].get("size").distribution
    assert (distribution.bounds, distribution.bound_counts) == ((2, 5), (0, 3, 0))


@pytest.mark.parametrize(
    ("rule", "alive", "after"),
    [
        ("latest", [3], []),
        ("max", [9], [3]),
        ("min", [1], [1]),
        ("sum", [13], [4]),
        ("per_process", [1, 3, 9], [1, 3]),
    ],
)
def test_a_gauge_is_combined_by_its_rule_over_those_that_live(three, server, clock, rule, alive, after):
    """The one that dies had the largest; of the latest, it had that."""
    for registry, value in zip(three, [1, 9, 3], strict=True):
        registry.define("level", "gauge", combine=rule)
        registry.gauge("level", value)
        registry.flush()
        clock.advance(1)
    reader = three[0]
    assert sorted(metric.value for metric in reader.find("level")) == alive
    dying = three[2] if rule == "latest" else three[1]
    die(dying, server)
    left = sorted(metric.value for metric in reader.find("level"))
    assert left == ([9] if rule == "latest" else after)


def test_levels_are_those_of_the_living_and_counts_outlive_their_writer(three, server):
    for registry in three:
        registry.up_down("active", 2)
        registry.counter("calls")
        registry.timer("wait", 5)
        registry.flush()
    die(three[2], server)
    assert three[0].total("active") == 4
    assert three[0].total("calls") == 3
    assert three[0].get("wait").count == 3


@pytest.mark.parametrize(
    ("kind", "rule", "value"),
    [("up_down", None, 13), ("gauge", "sum", 13), ("gauge", "max", 9), ("gauge", "min", 1), ("gauge", None, 3)],
)
def test_a_definition_may_keep_what_a_dead_writer_said(make, server, kind, rule, value, clock):
    made = []
    for number in (1, 9, 3):
        registry = make(clock=clock)
        registry.define("level", kind, combine=rule, keep=True)
        getattr(registry, kind)("level", number)
        die(registry, server)
        clock.advance(1)
        made.append(registry)
    assert make().total("level") == value
    made[0].close()
    assert make().total("level") == value


def test_a_kept_sum_of_gauges_follows_each_of_them(three):
    for registry, values in zip(three, [(1, 5), (9, 2, 4), (3,)], strict=True):
        registry.define("level", "gauge", combine="sum", keep=True)
        for value in values:
            registry.gauge("level", value)
            registry.flush()
    assert three[0].total("level") == 5 + 4 + 3


def test_a_writer_that_ends_well_takes_its_levels_along(three):
    for registry in three:
        registry.up_down("active", 2)
        registry.counter("calls")
        registry.flush()
    three[0].close()
    assert three[1].total("active") == 4
    three[1].close()
    assert three[2].total("active") == 2
    assert three[2].total("calls") == 3


def test_a_writer_that_was_taken_for_dead_says_its_levels_again(three, server):
    first, second, _ = three
    first.up_down("active", 2)
    first.gauge("level", 7)
    die(first, server)
    assert second.find("level") == []
    first.counter("calls")
    first.flush()
    first.flush()
    assert second.total("active") == 2
    assert second.get("level").value == 7


def test_a_series_of_zero_is_there_for_all(three):
    three[0].define("calls", "counter", domains={"ok": (True, False)})
    three[0].bind("timer", "wait")
    three[0].flush()
    assert sorted(map(str, three[1].all())) == ['calls{ok="false"} 0', 'calls{ok="true"} 0', "wait nan"]


def test_what_one_process_says_about_a_metric_all_can_read(three):
    said = three[0].define("size", "histogram", "kB", "How large.", buckets=(1, 2), domains={"a": (1, "x")}, keep=True)
    three[0].histogram("size", 1.5, {"a": 1})
    three[0].flush()
    assert three[1].snapshot().definitions["size"] == said
    assert three[1].get("size", {"a": 1}).mean == 1.5


def test_a_process_that_means_another_unit_does_not_disturb_the_others(three):
    three[0].define("wait", "timer", "s")
    three[0].timer("wait", 2)
    three[1].timer("wait", 7)
    three[1].flush()
    assert three[0].get("wait").mean == 2
    assert three[1].get("wait").mean == 7


def test_the_latest_exemplar_of_each_octave_is_kept(three):
    for at, registry in enumerate(three):
        for value in (1.5, 100):
            registry.histogram("size", value + at)
            registry.exemplar("histogram", "size", value + at, {"trace_id": f"t{at}", "ü": "é"}, at=at)
        registry.flush()
    assert three[0].get("size").exemplars == (
        Exemplar({"trace_id": "t0", "ü": "é"}, 1.5, 0),
        Exemplar({"trace_id": "t2", "ü": "é"}, 3.5, 2),
        Exemplar({"trace_id": "t2", "ü": "é"}, 102, 2),
    )


def test_names_and_tags_of_any_text(three):
    text = 'a "b" \\ / ü € 🙂 \ud800 \n {}[],:'
    three[0].counter(text, {text: text})
    three[0].gauge("level." + text, 1)
    three[0].flush()
    assert three[1].total(text.encode("utf-8", "replace").decode()) == 1
    assert three[0].get(text.encode("utf-8", "replace").decode(), {text: text}).value == 1


def test_self_metrics_are_those_of_all(three):
    for registry in three:
        registry.counter("calls")
        registry.counter("calls", increment=-1)
        registry.flush()
    snapshot = three[2].snapshot()
    assert [each.value for each in snapshot.by_name("polymeter.records.applied")] == [3]
    assert [each.value for each in snapshot.by_name("polymeter.records.invalid")] == [3]
    assert three[2].health().records == 2


def test_two_apps_never_meet(make, app):
    one, other = make(), make(app=f"{app}x")
    third = make(prefix="else")
    one.counter("calls")
    one.flush()
    assert (other.all(), third.all()) == ([], [])


def test_everything_runs_out_some_time_after_the_last_word(make, server):
    registry = make(ttl=100, alive=50)
    registry.counter("calls")
    registry.up_down("active", 1)
    registry.flush()
    keys = sorted(server.scan_iter(f"{registry._keys.state}*"))
    assert len(keys) == 3
    left = {key.decode().rpartition("}")[2].split(":")[-1][:7]: server.pttl(key) for key in keys}
    assert 90_000 < left.pop("") <= 100_000
    assert 90_000 < left.pop("writers") <= 100_000
    assert [40_000 < each <= 50_000 for each in left.values()] == [True]
    server.pexpire(registry._keys.state, 1000)
    registry.counter("calls")
    registry.flush()
    assert server.pttl(registry._keys.state) > 90_000


def test_a_value_that_somebody_has_damaged_is_skipped_and_counted(three, server):
    first, second, _ = three
    first.counter("calls", {"n": 1})
    first.counter("calls", {"n": 2})
    first.flush()
    [one] = [
        field
        for field in server.hkeys(first._keys.state)
        if field.startswith(b's["counter","calls"') and b'"1"' in field
    ]
    server.hset(first._keys.state, one, b"junk")
    server.hset(first._keys.state, b"s[junk", b"junk")
    assert second.total("calls") == 1
    first.counter("calls", {"n": 1}, 5)
    assert first.total("calls") == 6
    assert first.health().lost == {"damaged": 1}


def test_a_writer_that_has_been_silent_for_an_hour_is_forgotten(three, server):
    """But not what it had counted."""
    first, second, _ = three
    first.counter("calls")
    first.flush()
    acknowledged = "a" + first.own.writer
    assert second.total("calls") == 1
    assert server.hexists(first._keys.state, acknowledged)
    server.zadd(first._keys.writers, {first.own.writer: 1})
    assert second.total("calls") == 1
    assert not server.hexists(first._keys.state, acknowledged)
    assert first.own.writer.encode() not in server.zrange(first._keys.writers, 0, -1)


def test_back_after_an_hour_a_writer_goes_on(three, server):
    """It does not take the Redis that has forgotten it for one that was emptied."""
    first, second, _ = three
    first.counter("calls")
    first.flush()
    server.hdel(first._keys.state, "a" + first.own.writer)
    first._exchange.delivery._told_at = (time.monotonic() - 4000, time.time() - 4000)
    first.counter("calls")
    assert first.flush()
    assert (second.total("calls"), first.health().lost) == (2, {})


def test_what_may_have_arrived_more_than_an_hour_ago_is_given_up_and_counted(three, server):
    first, second, _ = three
    first.counter("calls")
    first.flush()
    delivery = first._exchange.delivery
    first.counter("calls")
    assert first.own.in_turn(first._exchange.untold.look)
    assert first.own.in_turn(delivery._pack)
    delivery.batch.is_doubtful = True
    server.hdel(first._keys.state, "a" + first.own.writer)
    delivery._told_at = (time.monotonic(), time.time() - 4000)
    first.counter("calls", {"n": 2})
    assert first.flush()
    assert first.health().lost == {"in_doubt": 1}
    assert second.total("calls") == 2

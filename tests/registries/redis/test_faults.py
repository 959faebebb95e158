"""Redis is away, slow, full, emptied or not what it should be: recording goes on, and each record counts once."""

from __future__ import annotations

import logging
import threading
import time

import pytest
from redis import Redis

from polymeter.registries.redis.registry import RedisRegistry
from tests.interpreter import ROOT
from tests.registries.redis.proxy import proxied
from tests.servers import redis as redis_server
from tests.servers import server as path_of
from tests.servers.waiting import wait_until

OUTAGE = 0.15


@pytest.fixture
def start(tmp_path, make):
    """Give what starts a Redis of the test's own, and registries of one app in it."""
    running = []

    def start(*options):
        server = redis_server.RedisServer(path_of("redis-server"), tmp_path, *options)
        running.append(server)
        server.start()
        return server, lambda **more: make(url=server.url, **more)

    yield start
    for server in running:
        server.close()


def comes_back(registry):
    """Wait until everything has been told."""
    wait_until(lambda: registry.flush(1), what="Redis takes what waits", why_not=lambda: str(registry.health()))


def test_an_answer_that_is_lost_counts_nothing_twice(redis, make):
    with proxied(redis.port) as proxy:
        registry, witness = make(url=proxy.url), make()
        registry.flush()
        for number in range(20):
            registry.counter("calls")
            registry.counter("seconds", None, 0.5)
            registry.timer("wait", number)
            registry.up_down("active", 1)
            proxy.lose = number % 3
            registry.flush()
            registry.flush()
        proxy.lose = 0
        comes_back(registry)
        assert proxy.lost >= 15
        assert (witness.total("calls"), witness.total("seconds")) == (20, 10)
        assert witness.get("wait").count == witness.total("active") == 20
        assert registry.health().lost == {}
        registry.close()


def test_a_clear_whose_answer_is_lost_is_done_once(redis, make):
    with proxied(redis.port) as proxy:
        registry, other = make(url=proxy.url), make()
        registry.counter("calls")
        registry.flush()
        proxy.lose = 1
        registry.clear()
        other.counter("calls")
        other.flush()
        other.counter("calls")
        other.flush()
        comes_back(registry)
        assert (other.total("calls"), other.snapshot().epoch) == (2, 1)
        registry.close()


def test_while_redis_is_away_recording_goes_on_and_reads_show_what_is_known(start):
    server, make = start("--appendonly", "yes", "--appendfsync", "always")
    registry, other = make(), make()
    other.counter("calls", {"by": "other"}, 10)
    other.gauge("level", 3)
    other.flush()
    registry.counter("calls", {"by": "mine"})
    assert registry.total("calls") == 11
    server.kill()
    for _ in range(50):
        registry.counter("calls", {"by": "mine"})
        registry.counter("new")
        registry.timer("wait", 5)
        assert registry.total("calls") == 11 + registry.total("new")
    assert registry.get("wait").count == 50
    assert registry.total("level") == 3
    health = registry.health()
    assert (health.is_away, health.waiting) == (True, 3)
    assert health.unread["away"] >= 50  # these did not wait at all
    [failed] = [
        each for each in registry.snapshot().by_name("polymeter.redis.flushes") if each.tags["result"] == "failed"
    ]
    assert failed.tags["reason"] in {"refused", "reset"}
    server.start()
    comes_back(registry)
    assert other.total("calls") == registry.total("calls") == 61
    assert other.total("wait") == 250
    assert registry.health().lost == {}


def test_a_process_that_has_never_seen_redis_shows_what_it_knows_itself(make):
    registry = make(url="redis://127.0.0.1:1/0")
    registry.counter("calls")
    registry.gauge("level", 3)
    assert (registry.total("calls"), registry.total("level"), len(registry)) == (1, 3, 2)
    assert registry.snapshot().by_name("polymeter.records.applied")[0].value == 2
    assert not registry.flush()
    registry.close()
    assert registry.health().lost == {"closed": 2}


def test_an_emptied_redis_is_told_everything_again_by_those_that_live(start):
    """And nobody sees a total fall meanwhile."""
    server, make = start()
    one, other = make(interval=0.05), make(interval=0.05)
    for registry in (one, other):
        registry.counter("calls", None, 5)
        registry.timer("wait", 10)
        registry.up_down("active", 1)
        registry.flush()
    before = one.snapshot()
    server.kill()
    one.counter("calls", None, 2)
    server.start()
    seen = [one.total("calls") for _ in range(50)]
    comes_back(other)
    comes_back(one)
    seen.append(one.total("calls"))
    assert seen == sorted(seen)
    assert seen[-1] == other.total("calls") == 12
    assert other.get("wait").count == other.total("active") == 2
    after = one.snapshot()
    assert (after.writer, after.epoch) == (before.writer, before.epoch)
    assert [each.value for each in after.since(before).by_name("calls")] == [2]
    assert one.health().lost.keys() | other.health().lost.keys() == {"emptied"}


def test_a_redis_that_comes_back_with_an_older_state_says_so(start):
    """What it had taken since is counted as lost by those that told it."""
    server, make = start()
    registry = make()
    registry.counter("calls", None, 5)
    registry.flush()
    with Redis.from_url(server.url) as client:
        client.save()
    for _ in range(3):
        registry.counter("calls")
        registry.flush()
    server.kill()
    server.start()
    registry.counter("calls")
    comes_back(registry)
    assert registry.total("calls") == 6
    assert registry.health().lost == {"rolled_back": 3}


def test_killed_and_started_under_load_totals_are_exact(start):
    server, make = start("--appendonly", "yes", "--appendfsync", "always")
    registries = [make(interval=0.02) for _ in range(3)]
    stop = threading.Event()
    made = [0] * len(registries)

    def work(number):
        registry = registries[number]
        series = registry.bind("timer", "wait", {"by": number})
        while not stop.is_set():
            series.record(1)
            registry.counter("calls")
            made[number] += 1
            if not made[number] % 1000:
                time.sleep(0.001)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(registries))]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            stop.wait(OUTAGE)
            server.kill()
            stop.wait(OUTAGE)
            server.start()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    for registry in registries:
        comes_back(registry)
    assert registries[0].total("calls") == sum(made)
    for number, count in enumerate(made):
        assert registries[0].get("wait", {"by": number}).count == count
    assert [dict(registry.health().lost) for registry in registries] == [{}] * 3


def test_a_redis_that_hangs_holds_no_read_for_long(start):
    server, make = start()
    registry, other = make(options={"socket_timeout": 30}, patience=0.2), make()
    registry.counter("calls")
    assert registry.total("calls") == 1
    with server.paused():
        waits = []
        for _ in range(5):
            began = time.monotonic()
            registry.counter("calls")
            registry.snapshot()
            waits.append(time.monotonic() - began)
        assert registry.total("calls") == 6
    assert sum(waits) < 15
    comes_back(registry)
    assert other.total("calls") == 6


def test_a_full_redis_takes_nothing_until_there_is_room(start):
    server, make = start("--maxmemory-policy", "noeviction")
    registry, other = make(), make()
    registry.counter("calls")
    registry.flush()
    with Redis.from_url(server.url) as client:
        client.config_set("maxmemory", 1)
        registry.counter("calls")
        registry.counter("new")
        assert not registry.flush()
        assert (registry.total("calls"), other.total("calls")) == (2, 1)
        assert registry.health().flushes["failed", "memory"] >= 1
        client.config_set("maxmemory", 0)
    comes_back(registry)
    assert (registry.total("calls"), other.total("calls"), other.total("new")) == (2, 2, 1)
    assert registry.health().lost == {}


def test_a_wrong_type_in_the_place_of_a_key_disturbs_nobody_but_itself(start):
    server, make = start()
    registry = make()
    with Redis.from_url(server.url) as client:
        client.set(registry._keys.state, "somebody's")
        registry.counter("calls")
        assert not registry.flush()
        assert registry.health().flushes == {("failed", "wrong_type"): 1}
        assert registry.total("calls") == 1
        assert client.get(registry._keys.state) == b"somebody's"
        client.delete(registry._keys.state)
    comes_back(registry)
    assert registry.total("calls") == 1


def test_scripts_that_redis_has_forgotten_are_sent_again(start):
    server, make = start()
    registry = make()
    for _ in range(3):
        registry.counter("calls")
        assert registry.flush()
        with Redis.from_url(server.url) as client:
            client.script_flush()
    assert make().total("calls") == 3


@pytest.mark.parametrize("url", ["redis://:hunter2@127.0.0.1:{port}/0", "redis://me:hunter2@127.0.0.1:{port}/3"])
def test_a_wrong_password_is_named_and_never_shown(start, make, caplog, url):
    server, _ = start("--requirepass", "another")
    with caplog.at_level(logging.WARNING):
        registry = make(url=url.format(port=server.port))
        registry.counter("calls")
        assert not registry.flush()
        assert registry.total("calls") == 1
    assert set(registry.health().flushes) == {("failed", "auth")}
    assert "(auth)" in caplog.text
    assert f"127.0.0.1:{server.port}" in repr(registry)
    shown = caplog.text + repr(registry) + str(registry.health()) + repr(list(registry.snapshot()))
    assert "hunter2" not in shown
    registry.close()


def test_the_right_password_opens(start, app):
    server, _ = start("--requirepass", "hunter2")
    with RedisRegistry(f"redis://:hunter2@127.0.0.1:{server.port}/0", app=app) as registry:
        registry.counter("calls")
        assert registry.flush()


def test_a_user_who_may_do_nothing_else_will_do(start, app):
    """The document names what he has to be allowed."""
    server, _ = start()
    rights = "~polymeter:* +eval +evalsha +@hash +@list +@sortedset +@keyspace +time"
    assert rights in (ROOT / "docs" / "redis.md").read_text("utf-8")
    with Redis.from_url(server.url) as client:
        client.execute_command("ACL", "SETUSER", "me", "on", ">hunter2", *rights.split())
    with RedisRegistry(f"redis://me:hunter2@127.0.0.1:{server.port}/0", app=app) as registry:
        registry.counter("calls")
        registry.gauge("level", 1)
        assert registry.total("calls") == 1
        assert registry.forget("calls") == 1
        registry.clear()
        assert len(registry) == 0
        assert registry.health().flushes.keys() == {("ok", "")}


def test_failures_are_logged_once_a_minute(make, caplog):
    registry = make(url="redis://127.0.0.1:1/0")
    registry.counter("calls")
    for _ in range(5):
        registry.flush()
    assert [record.name for record in caplog.records] == ["polymeter.registries"]
    registry.close()

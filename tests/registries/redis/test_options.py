"""How a RedisRegistry is made, and what it does not do unless it has to."""

from __future__ import annotations

import asyncio
import builtins
import subprocess
import sys
import threading

import pytest
import redis.asyncio
from redis import Redis

from polymeter import Metrics
from polymeter.contracts import CanKeepExemplars, CanStoreMetrics, CanTakeRows, CanTell
from polymeter.errors import DefinitionError, MissingExtraError
from polymeter.exporters import PrometheusExporter
from polymeter.registries import RedisRegistry
from tests.servers import server as path_of
from tests.servers.jobs import make_certificate
from tests.servers.ports import Port
from tests.servers.redis import RedisServer

NOWHERE = "redis://127.0.0.1:1/0"


def threads():
    return [thread.name for thread in threading.enumerate() if thread.name == "polymeter-redis"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": NOWHERE, "app": ""}, "app=''"),
        ({"url": NOWHERE, "app": "a{b"}, "without braces"),
        ({"url": NOWHERE, "app": None}, "app=None"),
        ({"url": NOWHERE, "app": "a", "prefix": ""}, "prefix=''"),
        ({"url": NOWHERE, "app": "a", "interval": 0}, "interval=0"),
        ({"url": NOWHERE, "app": "a", "ttl": float("inf")}, "ttl=inf"),
        ({"url": NOWHERE, "app": "a", "alive": "1"}, "alive='1'"),
        ({"url": NOWHERE, "app": "a", "patience": -1}, "patience=-1"),
        ({"url": NOWHERE, "app": "a", "budget": 0}, "budget"),
        ({"app": "a"}, "either the URL"),
        ({"url": NOWHERE, "client": 1, "app": "a"}, "either the URL"),
        ({"client": 1.5, "app": "a"}, "client=float"),
        ({"url": "http://127.0.0.1", "app": "a"}, "no URL of a Redis"),
        ({"url": "redis://u:hunter2@h:port/0", "app": "a"}, "no URL of a Redis"),
        ({"url": "redis://u:hunter2/x@h:1/0", "app": "a"}, "no URL of a Redis"),
        ({"url": NOWHERE, "app": "a", "options": {"rainbow": 1}}, "rainbow"),
    ],
)
def test_what_cannot_be_is_an_error_that_says_what_would_and_shows_no_password(options, said):
    with pytest.raises(DefinitionError) as caught:
        RedisRegistry(**options)
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_without_redis_py_the_error_names_the_extra(monkeypatch):
    real = builtins.__import__

    def absent(name, *rest):
        if name == "redis" or name.startswith("redis."):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(MissingExtraError, match=r"polymeter\[redis\]"):
        RedisRegistry(NOWHERE, app="shop")


def test_redis_py_is_imported_by_who_makes_one():
    code = "import sys, polymeter, polymeter.registries.redis.registry; assert 'redis' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_there_is_a_thread_from_the_first_record_on_until_it_is_closed(make):
    before = threads()
    registry = make()
    registry.define("calls", "counter")
    assert threads() == before
    registry.counter("calls")
    assert registry.flush()
    assert len(threads()) == len(before) + 1
    registry.close()
    registry.close()
    assert threads() == before


def test_a_closed_one_can_be_used_again_as_another_writer(make):
    registry, other = make(), make()
    writer = registry.own.writer
    registry.counter("calls")
    registry.up_down("active", 1)
    registry.close()
    assert registry.total("calls") == 1
    registry.counter("calls")
    assert registry.flush()
    assert registry.own.writer != writer
    assert (other.total("calls"), other.find("active")) == (2, [])


def test_by_itself_it_tells_every_so_often(make):
    registry, other = make(interval=0.01), make()
    registry.counter("calls")
    for _ in range(500):
        if other.total("calls"):
            break
        threading.Event().wait(0.01)
    assert other.total("calls") == 1


@pytest.mark.parametrize("kind", [Redis, redis.asyncio.Redis])
def test_a_client_says_how_to_connect(redis, make, kind):
    client = kind(host="127.0.0.1", port=redis.port, decode_responses=True, db=1)
    registry = make(url=None, client=client)
    registry.counter("calls")
    assert registry.flush()
    assert registry.total("calls") == 1
    with Redis(host="127.0.0.1", port=redis.port, db=1) as other:
        assert other.exists(registry._keys.state)
    if kind is Redis:
        client.close()


def test_an_event_loop_is_not_held_up(make):
    registry = make()

    async def main():
        registry.counter("calls", None, 3)
        assert await registry.aflush()
        snapshot = await registry.asnapshot()
        away = make(url=NOWHERE)
        away.counter("calls")
        assert not await away.aflush(0.5)
        return snapshot.by_name("calls")[0].value, (await away.asnapshot()).by_name("calls")[0].value

    assert asyncio.run(main()) == (3, 1)


def test_over_tls(tmp_path, app):
    files = make_certificate(tmp_path)
    if files is None:
        pytest.skip("no openssl to make a certificate with")
    port = Port()
    with port.free() as number:
        options = ["--tls-port", str(number), "--tls-cert-file", files[0], "--tls-key-file", files[1]]
        server = RedisServer(path_of("redis-server"), tmp_path, *options, "--tls-auth-clients", "no")
        try:
            server.start()
            url = f"rediss://127.0.0.1:{number}/0?ssl_ca_certs={files[0]}"
            with RedisRegistry(url, app=app) as registry:
                registry.counter("calls")
                assert registry.flush()
            with RedisRegistry(f"rediss://127.0.0.1:{number}/0", app=app) as registry:
                registry.counter("calls")
                assert not registry.flush()
        finally:
            server.close()
    port.close()


def test_it_fulfils_the_contracts_of_a_registry(make):
    registry = make()
    for contract in (CanStoreMetrics, CanTell, CanTakeRows, CanKeepExemplars):
        assert isinstance(registry, contract)
    assert registry.counter == registry.own.counter


def test_a_page_of_metrics_shows_all_processes_whichever_is_asked(make):
    exporters = []
    for number in (1, 2):
        registry, exporter = make(), PrometheusExporter()
        metrics = Metrics(registry=registry).export_to(exporter)
        registry.counter("calls", None, number)
        registry.flush()
        exporters.append((metrics, exporter))
    pages = [exporter.render() for _, exporter in exporters]
    for page in pages:
        assert "calls_total 3" in page
        assert "polymeter_records_applied_total 2" in page
    for metrics, _ in exporters:
        metrics.close()


def test_many_series_are_told_in_several_calls(make):
    registry, other = make(), make()
    for number in range(1300):
        registry.counter("calls", {"n": number})
    assert registry.flush()
    assert registry.health().flushes == {("ok", ""): 6}
    assert (other.total("calls"), len(other)) == (1300, 1300)

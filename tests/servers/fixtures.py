"""The servers as fixtures, each started once for all tests and only if one asks for it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.servers import datadog_agent, server
from tests.servers import prometheus as prometheus_server
from tests.servers import promtool as path_of_promtool
from tests.servers import pushgateway as pushgateway_server
from tests.servers import redis as redis_server
from tests.servers import rotel as rotel_server
from tests.servers import statsd as statsd_server
from tests.servers import victoria_metrics as victoria_metrics_server
from tests.servers.jobs import Job, all_jobs
from tools.fetch_servers import locate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.datadog_agent import DatadogTestAgent
    from tests.servers.prometheus import Prometheus
    from tests.servers.redis import RedisServer
    from tests.servers.rotel import Rotel
    from tests.servers.statsd import StatsD
    from tests.servers.victoria_metrics import VictoriaMetrics

__all__ = [
    "jobs",
    "prometheus",
    "promtool",
    "pushgateway",
    "redis",
    "rotel",
    "running_statsd",
    "running_test_agent",
    "scrapers",
    "statsd",
    "test_agent",
    "victoria_metrics",
]

SCRAPERS = ("prometheus", "prometheus-3")


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Give the path of promtool, or skip."""
    return path_of_promtool()


@pytest.fixture(scope="session")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Job]]:
    """Give what is scraped, by name."""
    jobs = all_jobs(tmp_path_factory.mktemp("jobs"))
    yield jobs
    for job in jobs.values():
        job.port.close()


@pytest.fixture(scope="session")
def scrapers(jobs: dict[str, Job], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Prometheus]]:
    """Give each version of Prometheus that is at hand; all of them, so that their first scrape is waited for once."""
    with ExitStack() as stack:
        started = {}
        for program in SCRAPERS:
            if path := locate(program):
                running = prometheus_server.started(path, jobs=jobs.values(), folder=tmp_path_factory.mktemp(program))
                started[program] = stack.enter_context(running)
        yield started


@pytest.fixture(params=SCRAPERS)
def prometheus(request: pytest.FixtureRequest, scrapers: dict[str, Prometheus]) -> Prometheus:
    """Give a Prometheus; a test that asks for it runs with each version, or is skipped."""
    server(request.param)
    return scrapers[request.param]


@pytest.fixture(scope="session")
def pushgateway(jobs: dict[str, Job], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a Pushgateway, which is scraped; or skip."""
    program = server("prometheus-pushgateway")
    folder = tmp_path_factory.mktemp("pushgateway")
    with pushgateway_server.started(program, port=jobs["pushgateway"].port, folder=folder) as address:
        yield address


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Give a Redis that stays up, shared by all tests; or skip."""
    with redis_server.started(server("redis-server"), tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture(scope="session")
def victoria_metrics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VictoriaMetrics]:
    """Give a VictoriaMetrics, or skip. It forgets nothing: names of metrics have to differ between tests."""
    program = server("victoria-metrics-1")
    with victoria_metrics_server.started(program, folder=tmp_path_factory.mktemp("victoria-metrics")) as running:
        yield running


@pytest.fixture(scope="session")
def rotel(victoria_metrics: VictoriaMetrics, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rotel]:
    """Give a collector of OTLP that passes everything on to the VictoriaMetrics; or skip."""
    folder = tmp_path_factory.mktemp("rotel")
    with rotel_server.started(server("rotel"), behind=victoria_metrics, folder=folder) as running:
        yield running


@pytest.fixture(scope="session")
def running_test_agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatadogTestAgent]:
    """Give Datadog's test agent with all that it ever got; or skip."""
    folder = tmp_path_factory.mktemp("test-agent")
    with datadog_agent.started(server("ddapm-test-agent"), folder=folder) as running:
        yield running


@pytest.fixture
def test_agent(running_test_agent: DatadogTestAgent) -> DatadogTestAgent:
    """Give Datadog's test agent, which has got nothing yet; or skip."""
    running_test_agent.clear()
    return running_test_agent


@pytest.fixture(scope="session")
def running_statsd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StatsD]:
    """Give a StatsD with all that it ever got; or skip."""
    with statsd_server.started(server("etsy-statsd"), folder=tmp_path_factory.mktemp("statsd")) as running:
        yield running


@pytest.fixture
def statsd(running_statsd: StatsD) -> StatsD:
    """Give a StatsD that has got nothing yet; or skip."""
    running_statsd.clear()
    return running_statsd

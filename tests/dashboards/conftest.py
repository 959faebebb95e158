"""One scripted run, seen by real servers."""

from __future__ import annotations

import pytest

from tests.dashboards.scripted_run import running
from tests.servers.application import serving


@pytest.fixture(scope="package")
def moments(scrapers, jobs):
    """Give what each Prometheus knows after two scrapes, between which everything happened; a call is still stuck.

    No scrape falls into the middle of it, so that shares and means come out as in the script.
    """
    with running() as run, run.stuck_call():
        run.go_on()
        page = [run.exporter.render().encode()]
        with serving(jobs["inference"].port, lambda _: (run.exporter.content_type, page)):
            for server in scrapers.values():
                server.scraped("inference")
            run.go_on()
            page = [run.exporter.render().encode()]
            yield {server: server.scraped("inference") for server in scrapers.values()}


@pytest.fixture
def seen(prometheus, moments):
    """Give what one of them knows."""
    return moments[prometheus]


@pytest.fixture(scope="package")
def rendered():
    """Give the names of all samples of the scripted run, each with its labels."""
    with running() as run, run.stuck_call():
        run.go_on()
        lines = [line for line in run.exporter.render().splitlines() if not line.startswith("#")]
    labels: dict[str, set[str]] = {}
    for line in lines:
        name, brace, rest = line.partition("{")
        found = [pair.partition("=")[0] for pair in rest.rpartition("}")[0].split('",')] if brace else []
        labels.setdefault(name.split(" ")[0], set()).update(filter(None, found))
    return labels

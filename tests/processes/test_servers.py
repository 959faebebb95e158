"""Each server of docs/processes.md, started by its line, has one /metrics: it never falls, and is exact in the end."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time

import pytest

from polymeter.registries import SharedRegistry
from polymeter.registries.shared.place import default_directory
from tests.processes.recipes import WEB, lay_out, workers
from tests.servers.waiting import wait_until

GUNICORN = WEB[0]
ONE_INTERVAL = 0.2 + 0.8
"""Seconds: what is documented, and what a thread may have to wait for its turn on a machine that is busy."""


def line_of(*words):
    return next(line for line in WEB if all(word in line for word in words))


@pytest.mark.parametrize("line", WEB, ids=WEB)
@pytest.mark.parametrize("requests", [400, pytest.param(20_000, marks=[pytest.mark.long, pytest.mark.timeout(600)])])
def test_a_server_has_one_page_for_all_its_workers_and_loses_nothing_when_it_ends(opened, tmp_path, line, requests):
    with opened(line) as (shop, server):
        with shop.scraped():
            shop.bought(requests)
        assert len(shop.answers) == requests
        assert shop.settled() == requests
        if "--max-requests" in line:
            assert len(shop.processes) > workers(line)
        reader = SharedRegistry("shop", directory=tmp_path)
        shop.bought(40)
        server.send_signal(signal.SIGTERM)
        server.wait(30)
        assert reader.total("shop.orders") == requests + 40
        reader.close()


@pytest.mark.parametrize("line", [GUNICORN, GUNICORN.replace("--preload ", "")])
def test_a_reload_of_gunicorn_counts_nothing_twice_and_loses_nothing(opened, line):
    with opened(line) as (shop, server), shop.scraped():
        for _ in range(2):
            shop.bought(100)
            before = shop.processes
            server.send_signal(signal.SIGHUP)
            wait_until(lambda known=before: shop.buy() or shop.answers[-1][1] not in known, what="it has new workers")
        shop.bought(100)
        assert shop.unsure == 0
        assert shop.settled() == len(shop.answers)


@pytest.mark.parametrize("line", [GUNICORN, line_of("uvicorn --workers")])
def test_a_killed_worker_takes_one_interval_of_its_own_records_with_it_and_nothing_that_was_shown(opened, line):
    with opened(line) as (shop, _):
        killed = []

        def kill(process):
            shown = shop.count()
            at = time.monotonic()
            os.kill(process, signal.SIGKILL)
            killed.append((at, process))
            assert shop.count() >= shown

        with shop.scraped():
            for _ in range(5):
                shop.bought(60)
                kill(random.choice([process for _, process in shop.answers[-8:]]))
            shop.bought(60)
        lately = sum(
            any(who == process and when >= at - ONE_INTERVAL for at, process in killed) for when, who in shop.answers
        )
        least = len(shop.answers) - lately
        wait_until(
            lambda: shop.count() >= least, what=f"at least {least} are counted", why_not=lambda: str(shop.count())
        )
        assert shop.count() <= len(shop.answers) + shop.unsure
        before, answers = shop.count(), len(shop.answers)
        shop.bought(50)
        wait_until(lambda: shop.count() >= before + len(shop.answers) - answers, what="all goes on")
        assert shop.fell == []


def test_a_server_without_any_worker_for_a_moment_has_not_started_anew(opened):
    with opened("gunicorn --workers 1 --max-requests 20 --bind 127.0.0.1:8000 shop:app") as (shop, _):
        with shop.scraped():
            shop.bought(100, customers=2)
        assert len(shop.processes) > 3
        assert shop.settled() == len(shop.answers) == 100


def test_a_server_that_is_started_again_begins_from_nothing(opened):
    for _ in range(2):
        with opened("gunicorn --workers 2 --bind 127.0.0.1:8000 shop:app") as (shop, _):
            shop.bought(20)
            assert shop.settled() == 20


@pytest.mark.skipif(os.getuid() != 0, reason="only root can have workers of another user")
def test_workers_that_root_has_started_for_another_user_meet_where_that_one_may(opened, tmp_path):
    app = f"polymeter-test-{os.getpid()}"
    lay_out(tmp_path, app)
    try:
        with opened(GUNICORN.replace("--preload", "--preload --user nobody")) as (shop, _):
            with shop.scraped():
                shop.bought(200)
            assert shop.settled() == 200
    finally:
        for place in default_directory().parent.glob(f"polymeter-*/{app}"):
            shutil.rmtree(place)

"""Generations: workers come and go, are killed in the middle of anything, and nothing piles up or is counted twice."""

from __future__ import annotations

import random
import subprocess
import sys
import time

import pytest

from tests.registries.shared import generations
from tests.registries.shared.scraping import Scraper
from tests.registries.shared.tree import APP

RETIRED = 12_000
"""Bytes of what is kept of the dead, at most: 20 counters, and a timer with some 600 buckets, however many died."""


@pytest.fixture
def scraper(tmp_path):
    scraper = Scraper(tmp_path)
    yield scraper
    scraper.registry.close()


def run(folder, count, seed, scraper):
    """Have ``count`` workers live and die while their view is scraped."""
    most_files = 0
    command = [sys.executable, "-W", "ignore", "-m", "tests.registries.shared.generations", str(folder), str(count)]
    with subprocess.Popen([*command, str(seed)]) as app:
        try:
            while app.poll() is None:
                scraper.scrape()
                most_files = max(most_files, len(list((folder / APP).iterdir())))
                time.sleep(0.005)
        finally:
            app.kill()
    assert app.returncode == 0
    return most_files


def cost(scraper):
    """Give the CPU seconds of a scrape."""

    def once():
        began = time.thread_time()
        scraper.scrape()
        return time.thread_time() - began

    return min(once() for _ in range(30))


def check(folder, first, more, scraper):
    seed = random.SystemRandom().randrange(10**9)
    print("seed", seed)  # noqa: T201 - to make it again
    most_files = run(folder, first, seed, scraper)
    scraper.scrape()
    before = cost(scraper)
    most_files = max(most_files, run(folder, more, seed + 1, scraper))
    seen = scraper.scrape()
    sure, about = generations.books(folder)
    counted = sum(value for key, (value, _) in seen.items() if key.startswith("a "))
    timed, _ = seen["b {}"]
    assert sure <= counted <= about
    assert sure <= timed <= about
    assert about - sure < 0.4 * about  # most of them lived long enough to be sure of something
    assert scraper.registry.find("level") == []
    # One that was made and not yet locked when its writer was killed is removed within a minute.
    left = {each.name for each in (folder / APP).iterdir() if each.suffix != ".new" or each.stat().st_size}
    assert left == {
        "presence",
        "retired",
        f"{scraper.registry.own.writer}.slot",
    }
    # The scraper, the app, its workers; each may be putting another file in the place of its own, whoever folds too;
    # one may just have died.
    assert most_files <= 2 * (2 + generations.LIVE) + 3
    assert (folder / APP / "retired").stat().st_size < RETIRED
    assert cost(scraper) < 1.2 * before + 0.0001


def test_sixty_workers_killed_at_any_moment_are_counted_and_leave_nothing_behind(tmp_path, scraper):
    """Of those that were killed before what they had recorded was published it may be counted."""
    check(tmp_path, 20, 40, scraper)


def killed_everywhere(folder, what, first, step):
    """Have processes killed at every ``step``-th place of something; give how many places there are."""
    command = [sys.executable, "-m", "tests.registries.shared.killed", str(folder), what, str(first), str(step)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return int(said.split()[0])


@pytest.mark.parametrize(("what", "step"), [("read", 101), ("forget", 307), ("publish", 101)])
def test_wherever_a_process_is_killed_nothing_is_lost_or_counted_twice(what, step, tmp_path):
    """What a dead process had published is in the view of the next that reads, and its file is gone."""
    first = random.SystemRandom().randrange(1, step)
    print("first", first)  # noqa: T201 - to make it again
    assert killed_everywhere(tmp_path, what, first, step) > 1000


@pytest.mark.long
@pytest.mark.parametrize("what", ["read", "forget", "publish"])
def test_at_each_place_where_a_process_can_be_killed_nothing_is_lost_or_counted_twice(what, tmp_path):
    """So it is everywhere."""
    assert killed_everywhere(tmp_path, what, 1, 1) > 1000


def test_what_was_folded_by_one_who_died_before_it_was_removed_counts_once(tmp_path):
    """However many die so, one after the other."""
    assert killed_everywhere(tmp_path, "folds", 0, 1) == 5


@pytest.mark.long
def test_a_thousand_workers_killed_at_any_moment_are_counted_and_leave_nothing_behind(tmp_path, scraper):
    """So do many."""
    check(tmp_path, 200, 800, scraper)

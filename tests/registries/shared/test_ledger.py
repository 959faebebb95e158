"""The ledger: whatever tree of processes records, ends and is killed, the view says what they did."""

from __future__ import annotations

import random
import subprocess
import time

import pytest

from tests.registries.shared.scraping import Scraper
from tests.registries.shared.tree import APP, BEGINNINGS, PATIENCE, Books, Plan, command

LOSES = 1.0
"""Seconds before its death whose records a killed process may lose: an interval, and what a busy machine adds."""

SETTLES = 5.0
"""Seconds after the end of all in which the view has to be right: a busy machine needs some of them."""


@pytest.fixture
def scraper(tmp_path):
    scraper = Scraper(tmp_path)
    yield scraper
    scraper.registry.close()


def grow(folder, plan, scraper):
    """Run a tree to its end, while its view is scraped; give what its ledgers say."""
    # What it says on its errors is of those that end by an exception.
    with (folder / "errors").open("wb") as errors, subprocess.Popen(command(folder, plan), stderr=errors) as root:
        until = time.monotonic() + PATIENCE
        try:
            while root.poll() is None:
                scraper.scrape()
                assert time.monotonic() < until, "the tree does not end"
                time.sleep(0.002)
        finally:
            root.kill()
    while (books := Books.of(folder, LOSES)).unfinished:
        scraper.scrape()
        assert time.monotonic() < until, f"still running: {books.unfinished}"
    return books


def difference(books, seen):
    """Give what the view says that the ledgers do not: series -> (at least, seen, at most)."""
    different = {}
    for key, most in books.all.items():
        at_least = books.sure.get(key, {"records": 0, "sum": 0})
        bounds = [(said["sum" if _is_counter(key) else "records"], said["sum"]) for said in (at_least, most)]
        said = seen.get(key, (0, 0))
        if any(not low <= value <= high for low, value, high in zip(bounds[0], said, bounds[1], strict=True)):
            different[key] = (bounds[0], said, bounds[1])
    return different | {key: (None, said, None) for key, said in seen.items() if key not in books.all}


def _is_counter(key):
    return key.startswith(("a ", "event.sold "))


def left(folder, scraper):
    """Give what there should not be when no process lives: levels of theirs, and their files."""
    files = {each.name for each in (folder / APP).iterdir() if each.name != f"{scraper.registry.own.writer}.slot"}
    return [*scraper.registry.find("level"), *scraper.registry.find("load"), *files - {"presence", "retired"}]


def check(folder, plan, scraper):
    books = grow(folder, plan, scraper)
    until = time.monotonic() + SETTLES
    while (different := difference(books, scraper.scrape()) or left(folder, scraper)) and time.monotonic() < until:
        time.sleep(0.05)  # a process notes that it ends, and then has to
    assert not different, (plan, (folder / "errors").read_text())
    if not books.killed:
        records = books.levels + sum(each["records"] for each in books.all.values())
        assert scraper.registry.snapshot().by_name("polymeter.records.applied")[0].value == records


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_tree_of_processes_is_seen_exactly_as_its_ledgers_say(seed, tmp_path, scraper):
    """Nothing falls at any scrape in between."""
    check(tmp_path, Plan(seed, kills=False).tree(), scraper)


@pytest.mark.parametrize("seed", [4, 5, 6])
def test_a_tree_some_of_which_are_killed_lacks_their_last_moments_at_most(seed, tmp_path, scraper):
    """All else is exact."""
    check(tmp_path, Plan(seed).tree(), scraper)


@pytest.mark.long
@pytest.mark.parametrize("beginning", [*BEGINNINGS, "any"])
@pytest.mark.parametrize("kills", [False, True])
@pytest.mark.parametrize("number", range(10))
def test_trees_of_any_shape_are_seen_as_what_their_ledgers_say(number, kills, beginning, tmp_path, scraper):
    """However their processes begin."""
    seed = random.SystemRandom().randrange(10**9)
    print(f"Plan({seed}, nodes=20, {kills=}), {beginning}")  # noqa: T201 - to make it again
    beginnings = BEGINNINGS if beginning == "any" else (beginning,)
    check(tmp_path, Plan(seed, beginnings=beginnings, nodes=20, kills=kills).tree(), scraper)

"""`import polymeter` is cheap and alone: nothing optional, nothing heavy."""

from __future__ import annotations

import pytest

from tests.interpreter import answer_of
from tests.packaging.core import IMPORT_CORE_FROM_SOURCE

HEAVY = {
    "asyncio",
    "ctypes",
    "email",
    "http",
    "multiprocessing",
    "socket",
    "sqlite3",
    "ssl",
    "subprocess",
    "unittest",
    "urllib.request",
    "xml",
}
"""Parts of the standard library that cost milliseconds or megabytes, and that the core does not need to start."""

RARELY_NEEDED = {
    "dataclasses",
    "difflib",
    "inspect",
    "linecache",
    "logging",
    "traceback",
}
"""Parts that something in the core does need: whoever records and reads without it does not wait for them."""


@pytest.fixture(
    params=[[], ["-S"]], ids=["among optional libraries", "with the standard library alone"], scope="module"
)
def imported(request):
    """Give what a fresh interpreter says of importing all of the core, with and without site-packages."""
    return answer_of(IMPORT_CORE_FROM_SOURCE, *request.param)


def test_importing_polymeter_imports_nothing_heavy_and_nothing_that_is_rarely_needed(imported):
    assert (HEAVY | RARELY_NEEDED).intersection(imported["with polymeter"]) == set()


def test_starting_imports_nothing_heavy(imported):
    assert (HEAVY | {"difflib"}).intersection(imported["with Metrics"]) == set()


def test_importing_polymeter_imports_none_of_its_rooms(imported):
    ours = [name for name in imported["with polymeter"] if name.startswith("polymeter.")]
    assert ours == ["polymeter.lazily"]


def test_the_facade_comes_without_the_registries_and_exporters_that_it_does_not_use(imported):
    ours = set(imported["with Metrics"])
    assert "polymeter.registries.aggregating" in ours
    assert not {name for name in ours if name.startswith(("polymeter.exporters", "polymeter.registries.window"))}
    assert not {"polymeter.registries.composite", "polymeter.registries.in_memory"} & ours


def test_whatever_is_imported_first_a_public_name_is_never_the_module_of_the_same_name(imported):
    assert imported["names that are modules"] == []


def test_importing_every_module_of_the_core_imports_no_other_package(imported):
    assert "polymeter.data" in imported["core"]
    assert imported["third parties"] == []

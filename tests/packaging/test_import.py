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


@pytest.fixture(
    params=[[], ["-S"]], ids=["among optional libraries", "with the standard library alone"], scope="module"
)
def imported(request):
    """Give what a fresh interpreter says of importing all of the core, with and without site-packages."""
    return answer_of(IMPORT_CORE_FROM_SOURCE, *request.param)


def test_importing_polymeter_imports_nothing_heavy(imported):
    assert HEAVY.intersection(imported["with polymeter"]) == set()


def test_importing_every_module_of_the_core_imports_no_other_package(imported):
    assert "polymeter.data" in imported["core"]
    assert imported["third parties"] == []

"""The real servers and tools that tests talk to: a path, or a skip that says why.

`make servers` fetches them (`tools/fetch_servers.py` holds the list). With ``REQUIRE_SERVERS=1``, as in CI, a
missing one fails the test instead of skipping it; one that is listed as optional never does.

The modules beside this one start them; `fixtures.py` has what a test asks for.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tools.fetch_servers import is_optional, locate, why_not

if TYPE_CHECKING:
    from pathlib import Path


def promtool() -> Path:
    """Give the path of Prometheus' own checker of the text format and of rules."""
    return server("promtool")


def server(program: str) -> Path:
    """Give the path of ``program``, or skip the test that asks."""
    path = locate(program)
    if path is not None:
        return path
    advice = f"{program} is neither on PATH nor in .cache/servers: run `make servers`, which also says why not"
    reason = why_not(program) or advice
    if os.environ.get("REQUIRE_SERVERS") == "1" and not is_optional(program):
        pytest.fail(reason)
    pytest.skip(reason)

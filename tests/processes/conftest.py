"""A shop that is open: a server of docs/processes.md, started as the document says."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from tests.processes.customers import Shop
from tests.processes.recipes import command, lay_out
from tests.servers.ports import Port
from tests.servers.process import running


@pytest.fixture
def port():
    port = Port()
    yield port
    port.close()


@pytest.fixture
def opened(port, tmp_path, monkeypatch):
    """Give what opens the shop: for a line of the document, it gives the shop and the server's process."""
    lay_out(tmp_path)
    # A worker of gunicorn that is just being forked does not hear of SIGTERM: it is waited for, then killed.
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "--graceful-timeout 3")

    @contextmanager
    def opened(line):
        with port.free() as number:
            ready = f"http://127.0.0.1:{number}/metrics"
            with running(command(line, number), folder=tmp_path, ready=ready) as process:
                yield Shop(number), process

    return opened

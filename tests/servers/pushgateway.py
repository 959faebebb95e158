"""A real Pushgateway."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.servers.process import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.ports import Port


@contextmanager
def started(program: Path, *, port: Port, folder: Path) -> Iterator[str]:
    """Run a Pushgateway on ``port`` for a ``with`` block; give its address."""
    with port.free() as number:
        address = f"http://127.0.0.1:{number}"
        command = [program, f"--web.listen-address=127.0.0.1:{number}", "--web.enable-admin-api"]
        with running(command, folder=folder, ready=f"{address}/-/ready"):
            yield address

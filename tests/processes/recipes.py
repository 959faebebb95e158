"""What docs/processes.md tells to do: the files of its apps, and the lines that start its servers."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path

from tests.docs.blocks import blocks_of
from tests.interpreter import ROOT

BLOCKS = list(blocks_of(ROOT / "docs" / "processes.md"))
PORTS = ("8000", "9464")
FILE = re.compile(r"# (\w+\.py)\n")
REGISTRY = re.compile(r'SharedRegistry\("([\w-]+)"\)')

FILES = {found[1]: block.text for block in BLOCKS if block.language == "python" and (found := FILE.match(block.text))}
LINES = [line[2:] for block in BLOCKS if block.language == "console" for line in block.text.splitlines()]
WEB = [line for line in LINES if "shop" in line]
[CELERY] = [line for line in LINES if line.startswith("celery ")]


def lay_out(folder: Path, app: str | None = None) -> None:
    """Write the files of the document into a folder, where their processes also meet.

    :param app: instead: a name for their registry, which stands where it does by default.
    """
    place = f'SharedRegistry("{app}")' if app else rf'SharedRegistry("\1", directory="{folder}")'
    for name, text in FILES.items():
        (folder / name).write_text(REGISTRY.sub(place, text), "utf-8")


def command(line: str, port: int) -> list[str]:
    """Give the words of a line of the document, with a port of our own."""
    program, *words = shlex.split(line)
    path = shutil.which(program, path=str(Path(sys.executable).parent))
    assert path is not None, f"{program} is not beside {sys.executable}: run `make setup`"
    for documented in PORTS:
        words = [re.sub(rf"\b{documented}$", str(port), word) for word in words]
    return [path, *words]


def workers(line: str) -> int:
    """Give how many workers a line asks for."""
    return int(re.search(r"--(?:workers|concurrency) (\d+)", line)[1])

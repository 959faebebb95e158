"""A Python of its own for a test: what it imports says nothing about this process, and the other way round."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SRC = ROOT / "src"


def answer_of(code: str, *options: str, python: str | Path = sys.executable) -> Any:
    """Run ``code`` in a fresh interpreter and give what it prints, read as JSON.

    :param options: of the interpreter; ``-I`` (no environment, no current folder) is always given.
    """
    done = subprocess.run(
        [python, "-I", *options, "-c", code], env=bare_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def bare_environment() -> dict[str, str]:
    """Give this process's environment without what would change what Python or pip do."""
    return {name: text for name, text in os.environ.items() if not name.startswith(("PYTHON", "PIP_", "COV"))}

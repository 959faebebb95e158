"""Programs that are run to their end."""

from __future__ import annotations

import subprocess
import sys

from tests.registries.shared.tree import APP

__all__ = ["RARELY", "program"]

RARELY = 1000.0
"""Seconds between two times that a process publishes by itself: none of them tells anything before its end."""


def program(folder, text, *, check=True):
    """Run a program that ends; in it is ``registry``, of this folder."""
    before = f"""
import atexit, os, signal, sys, threading, time, multiprocessing
from concurrent.futures import ProcessPoolExecutor
from polymeter.registries import SharedRegistry
registry = SharedRegistry({APP!r}, directory={str(folder)!r}, interval={RARELY})
"""
    path = folder / "program.py"
    path.write_text(before + text)
    return subprocess.run([sys.executable, "-W", "ignore", path], check=check, timeout=30)

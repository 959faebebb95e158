"""Running the package tools of this machine: silent when they work, with their last words when they do not."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

TIMEOUT = 300
"""Seconds that one call of a package tool may take."""


class UnavailableError(Exception):
    """A program cannot be had on this machine; the message says why."""


def run(command: list[str], *, folder: Path, output: Path | None = None) -> str:
    """Run ``command`` in ``folder``, its standard output into the file ``output`` if given; give its warnings.

    :raises UnavailableError: if it is not on this machine, takes too long or fails; with its last words.
    """
    try:
        with (output or Path(os.devnull)).open("wb") as target:
            done = subprocess.run(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=target,
                stderr=subprocess.PIPE,
                timeout=TIMEOUT,
                check=True,
            )
    except FileNotFoundError as error:
        message = f"there is no {command[0]} on this machine"
        raise UnavailableError(message) from error
    except subprocess.TimeoutExpired as error:
        message = f"{command[0]} took longer than {TIMEOUT} s"
        raise UnavailableError(message) from error
    except subprocess.CalledProcessError as error:
        message = f"{command[0]} failed: {error.stderr.decode(errors='replace').strip()}"
        raise UnavailableError(message) from error
    return done.stderr.decode(errors="replace").strip()

"""The command line: ``polymeter``. A file per command; it needs the extra ``cli`` (click and rich).

Importing this needs neither: without them :func:`main` says what to install.
"""

from __future__ import annotations

import importlib
import sys
from functools import partial
from typing import TYPE_CHECKING, Final

from polymeter.cli.exit_codes import CANNOT_START
from polymeter.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["main"]

_NEEDS: Final = ("click", "rich")


def _found() -> Callable[[], object]:
    try:
        for library in _NEEDS:
            importlib.import_module(library)
    except ImportError as error:
        missing = MissingExtraError(
            f"the command line needs {' and '.join(_NEEDS)} ({error}): pip install 'polymeter[cli]'"
        )
        return partial(_complain, missing)
    from polymeter.cli.group import polymeter

    return polymeter


def _complain(error: MissingExtraError) -> int:
    sys.stderr.write(f"polymeter: {error}\n")
    return CANNOT_START


main: Final = _found()
"""Runs the command line on ``sys.argv`` and exits, or gives the exit code."""

"""A forked child that works on what its parent had, and says what it found."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import traceback
import warnings
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["answer_of_a_child"]

_PATIENCE = 30.0


def answer_of_a_child(work: Callable[[], Any]) -> Any:
    """Fork, run ``work`` in the child, and give back what it gave, as JSON.

    Skips the test where processes cannot fork; fails it if the child raises, or hangs.
    """
    if not hasattr(os, "fork"):
        pytest.skip("processes do not fork here")
    reader, writer = os.pipe()
    trace = sys.gettrace()
    # A tracer (coverage measures with one) may have a lock that another thread holds while this one forks.
    sys.settrace(None)
    with warnings.catch_warnings():
        # Python 3.12 warns of forking with threads about: that is what is tested.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        _be_the_child(work, writer)
    sys.settrace(trace)
    os.close(writer)
    try:
        said = _read_all(reader)
    finally:
        os.close(reader)
        os.kill(child, signal.SIGKILL)  # it has ended, or hangs
        os.waitpid(child, 0)
    answer = json.loads(said) if said else {"error": f"the child said nothing within {_PATIENCE:.0f} s"}
    if "error" in answer:
        pytest.fail(f"in the forked child: {answer['error']}")
    return answer["value"]


def _be_the_child(work: Callable[[], Any], writer: int) -> None:
    # Whatever happens, the child must not go on with the parent's tests.
    try:
        try:
            said = json.dumps({"value": work()})
        except BaseException:  # noqa: BLE001 - the parent reports it
            said = json.dumps({"error": traceback.format_exc()})
        with os.fdopen(writer, "w") as pipe:
            pipe.write(said)
    finally:
        os._exit(0)


def _read_all(reader: int) -> bytes:
    said = b""
    while select.select([reader], [], [], _PATIENCE)[0]:
        part = os.read(reader, 1 << 16)
        if not part:
            return said
        said += part
    return b""

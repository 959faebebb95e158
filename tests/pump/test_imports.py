"""What the pump and the events import, and when."""

from __future__ import annotations

import pytest

from tests.interpreter import SRC, answer_of

PROGRAM = """
import json, sys
sys.path.insert(0, {src!r})
import polymeter.events.activation, polymeter.events.dispatcher, polymeter.events.inference, polymeter.pump.pump
before = "logging" in sys.modules
{work}
after = "logging" in sys.modules
print(json.dumps([before, after]))
"""


@pytest.mark.parametrize(
    "work",
    [
        "polymeter.events.dispatcher.EventDispatcher().add_listener(str, print)",
        "polymeter.pump.pump.Pump(print).add(print)",
    ],
    ids=["listener", "exporter"],
)
def test_logging_comes_with_the_first_one_who_may_fail(work):
    """Not before, nor only with the failure: an import can wait for another thread's."""
    assert answer_of(PROGRAM.format(src=str(SRC), work=work), "-S") == [False, True]

"""What a block of a test is expected to record, and a failure that shows what it did record.

::

    with expect(metrics, "chat.turns", {"model": "x"}, by=1):
        answer("hello")
"""

from __future__ import annotations

from polymeter.testing.expectations.block import Expectations, Expecting, expect
from polymeter.testing.expectations.wanted import Figures, Wanted

__all__ = ["Expectations", "Expecting", "Figures", "Wanted", "expect"]

"""What our users import in their tests, and ours use.

The pytest fixtures are in :mod:`polymeter.testing.pytest_plugin`, so that nothing here needs pytest. What an embedded
provider can be told to do (``Reply``, ``RateLimited``, ...) is in :mod:`polymeter.testing.provider`; what a back end
that is out of order can do, in :mod:`polymeter.testing.faults`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.lazily import lazily

if TYPE_CHECKING:
    from polymeter.testing.approvals import approved_text, assert_approved
    from polymeter.testing.capture import capture_events
    from polymeter.testing.clock import ManualClock
    from polymeter.testing.conservation import laws
    from polymeter.testing.expectations import expect
    from polymeter.testing.facade import MetricsInTest
    from polymeter.testing.faults import FaultServer
    from polymeter.testing.provider import Provider
    from polymeter.testing.watched import Watched
else:
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "approvals": "approved_text assert_approved",
            "capture": "capture_events",
            "clock": "ManualClock",
            "conservation": "laws",
            "expectations": "expect",
            "facade": "MetricsInTest",
            "faults": "FaultServer",
            "provider": "Provider",
            "watched": "Watched",
        },
    )

__all__ = [
    "FaultServer",
    "ManualClock",
    "MetricsInTest",
    "Provider",
    "Watched",
    "approved_text",
    "assert_approved",
    "capture_events",
    "expect",
    "laws",
]

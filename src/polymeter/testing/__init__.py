"""What our users import in their tests, and ours use.

The pytest fixtures are in :mod:`polymeter.testing.pytest_plugin`, so that nothing here needs pytest. What an embedded
provider can be told to do (``Reply``, ``RateLimited``, ...) is in :mod:`polymeter.testing.provider`; what a back end
that is out of order can do, in :mod:`polymeter.testing.faults`.
"""

from __future__ import annotations

from polymeter.testing.capture import capture_events
from polymeter.testing.clock import ManualClock
from polymeter.testing.conservation import laws
from polymeter.testing.faults import FaultServer
from polymeter.testing.provider import Provider

__all__ = ["FaultServer", "ManualClock", "Provider", "capture_events", "laws"]

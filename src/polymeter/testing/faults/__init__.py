"""A back end that is out of order on demand: real HTTP on loopback, for tests of what pushes to it.

``FaultServer`` runs it, ``behaviour`` lists what it can do, ``handling`` does it.
"""

from __future__ import annotations

from polymeter.testing.faults.behaviour import FAULTS, Behaviour, Fault
from polymeter.testing.faults.record import Received
from polymeter.testing.faults.server import FaultServer

__all__ = ["FAULTS", "Behaviour", "Fault", "FaultServer", "Received"]

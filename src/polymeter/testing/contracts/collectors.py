"""CollectorContract: what every collector does, whatever its events mean."""

from __future__ import annotations

from polymeter.testing.contracts.collector.bad_events import BadEvents
from polymeter.testing.contracts.collector.ending import Ending
from polymeter.testing.contracts.collector.meaning import Meaning
from polymeter.testing.contracts.collector.registering import Registering
from polymeter.testing.contracts.collector.splitting import Splitting
from polymeter.testing.contracts.collector.threads import Threads

__all__ = ["CollectorContract"]


class CollectorContract(Registering, Meaning, Splitting, BadEvents, Threads, Ending):
    """The tests that every collector passes, with each kind of registry.

    To have yours pass them too, say how one is made, and give events that it understands::

        class TestChatMetrics(CollectorContract):
            def make_collector(self):
                return ChatMetrics()

            def make_events(self):
                return [TurnFinished(model="a", duration_ms=100.0), TurnFinished(model="b", duration_ms=300.0)]

            def expected_totals(self):  # need not be all, or any
                return {"chat.turns": 2, "chat.latency_ms": 400.0}

    What more can be said is in :class:`~polymeter.testing.contracts.collector.base.CollectorTests`.
    """

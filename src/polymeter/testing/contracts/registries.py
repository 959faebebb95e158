"""RegistryContract: what every registry does, whatever it keeps and wherever."""

from __future__ import annotations

from polymeter.testing.contracts.registry.clearing import Clearing
from polymeter.testing.contracts.registry.definitions import Definitions
from polymeter.testing.contracts.registry.exemplars import Exemplars
from polymeter.testing.contracts.registry.forks import Forks
from polymeter.testing.contracts.registry.gauges import Gauges
from polymeter.testing.contracts.registry.poison import Poison
from polymeter.testing.contracts.registry.questions import Questions
from polymeter.testing.contracts.registry.reentry import Reentry
from polymeter.testing.contracts.registry.snapshots import Snapshots
from polymeter.testing.contracts.registry.threads import Threads
from polymeter.testing.contracts.registry.verbs import Verbs

__all__ = ["RegistryContract"]


class RegistryContract(
    Verbs,
    Definitions,
    Questions,
    Snapshots,
    Poison,
    Gauges,
    Clearing,
    Reentry,
    Threads,
    Forks,
    Exemplars,
):
    """The tests that every registry passes.

    To have yours pass them too, say how one is made::

        class TestMyRegistry(RegistryContract):
            @pytest.fixture
            def registry(self, clock):
                return MyRegistry(clock=clock)

    ``clock`` is a :class:`~polymeter.testing.clock.ManualClock`: the registry has to take its time from there. A
    registry without ``health()`` skips what cannot be seen otherwise, and one that keeps no exemplars what is said of
    those; one that cannot be forked, or keeps nothing of its own, can derive from the parts instead.
    """

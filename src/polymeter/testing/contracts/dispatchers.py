"""DispatcherContract: what every dispatcher does, however it finds its listeners."""

from __future__ import annotations

from polymeter.testing.contracts.dispatcher.accounting import Accounting
from polymeter.testing.contracts.dispatcher.changing import Changing
from polymeter.testing.contracts.dispatcher.emitters import Emitters
from polymeter.testing.contracts.dispatcher.errors import Errors
from polymeter.testing.contracts.dispatcher.forks import Forks
from polymeter.testing.contracts.dispatcher.hearing import Hearing
from polymeter.testing.contracts.dispatcher.holding_back import HoldingBack
from polymeter.testing.contracts.dispatcher.nobody import Nobody
from polymeter.testing.contracts.dispatcher.order import Order
from polymeter.testing.contracts.dispatcher.passing import Passing
from polymeter.testing.contracts.dispatcher.reentry import Reentry
from polymeter.testing.contracts.dispatcher.refusals import Refusals
from polymeter.testing.contracts.dispatcher.stopping import Stopping
from polymeter.testing.contracts.dispatcher.threads import Threads

__all__ = ["DispatcherContract"]


class DispatcherContract(
    Passing,
    Nobody,
    Hearing,
    Order,
    Changing,
    Emitters,
    Errors,
    Refusals,
    Stopping,
    Reentry,
    Threads,
    Forks,
    Accounting,
    HoldingBack,
):
    """The tests that every dispatcher passes.

    To have yours pass them too, say how one is made, and what it cannot do::

        class TestMyDispatcher(DispatcherContract):
            holds_back = False  # a listener that fails again and again is called all the same

            def make_dispatcher(self, clock):
                return MyDispatcher()

    ``clock`` is a :class:`~polymeter.testing.clock.ManualClock`: a dispatcher that holds listeners back for a time has
    to take that time from there. Tests of what yours declares not to do are left out; see the attributes of
    :class:`~polymeter.testing.contracts.dispatcher.base.DispatcherTests`.
    """

"""The pytest plugin: pytest finds it by itself wherever Polymeter is installed.

It costs a run that does not use it next to nothing: all else of Polymeter is imported by the fixtures, when a test asks
for one. A fixture of the same name in a ``conftest.py`` or a test module wins over the one here, and
``-p no:polymeter`` leaves all of them out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from polymeter.testing.clock import ManualClock
    from polymeter.testing.conservation import Laws
    from polymeter.testing.facade import MetricsInTest
    from polymeter.testing.provider import Provider
    from polymeter.testing.watched import Watched

__all__ = ["captured_events", "laws_hold", "manual_clock", "metrics", "metrics_for", "provider"]


class _AnotherName:
    """Stands for this plugin under the other of its two names, so that it is not loaded twice."""


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the option that approves; and be known by both names, for those who load the plugin by that of its module."""
    for name in ("polymeter", __name__):
        if not pluginmanager.has_plugin(name):
            pluginmanager.register(_AnotherName(), name)
    parser.getgroup("polymeter").addoption(
        "--polymeter-approve",
        action="store_true",
        help="write what assert_approved() of polymeter.testing is given to its files, instead of comparing",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Approve if the option says so."""
    if config.getoption("polymeter_approve", default=False):
        from polymeter.testing.approvals import Approving

        before, Approving.is_on = Approving.is_on, True
        config.add_cleanup(lambda: setattr(Approving, "is_on", before))


@pytest.fixture
def manual_clock() -> ManualClock:
    """Give a clock that stands still until the test moves it; the other fixtures of the same test use it."""
    from polymeter.testing.clock import ManualClock

    return ManualClock()


@pytest.fixture
def laws_hold() -> Iterator[Laws]:
    """Fail a test after which a delivery or a record is not accounted for, in what it made.

    See :func:`polymeter.testing.laws`. For all tests: an autouse fixture of your own that takes this one.
    """
    from polymeter.testing.conservation import laws

    with laws() as both:
        yield both


@pytest.fixture
def metrics(manual_clock: ManualClock, request: pytest.FixtureRequest) -> Iterator[MetricsInTest]:
    """Give a ``Metrics`` of this test's own, current while the test runs, on a manual clock; with ``expect()``.

    It is current in the threads that the test starts too. A listener that raises fails the test, instead of being
    counted as it is in production.
    """
    from polymeter.testing.facade import MetricsInTest

    if "laws_hold" in request.fixturenames:
        request.getfixturevalue("laws_hold")  # first: it watches what is made from then on
    facade = MetricsInTest(clock=manual_clock)
    with facade.active(), facade:
        facade.activate()  # threads do not inherit a context
        yield facade
    facade.check_used()


@pytest.fixture
def metrics_for() -> Iterator[Callable[[object], Watched]]:
    """Give a way to watch a ``Metrics``, a registry or a dispatcher that exists already, until the test ends.

    ::

        def test_it(metrics_for):
            watched = metrics_for(app.metrics)
            app.answer("hello")
            watched.check("chat.turns", by=1)

    What is watched is left as it was.
    """
    from contextlib import ExitStack

    from polymeter.testing.watched import Watched

    made: list[Watched] = []
    with ExitStack() as stack:

        def watch(thing: object) -> Watched:
            made.append(stack.enter_context(Watched(thing)))
            return made[-1]

        yield watch
    for each in made:
        each.check_used()


@pytest.fixture
def captured_events(request: pytest.FixtureRequest) -> Iterator[list[Any]]:
    """Give a list that fills with the events that the ``metrics`` of this test are told, in order."""
    from polymeter.testing.capture import capture_events

    of_test = request.getfixturevalue("metrics")
    events = getattr(of_test, "events", None)
    if not hasattr(events, "add_listener"):
        pytest.fail(
            f"the fixture 'metrics' of this project gives {of_test!r}, which is no polymeter.Metrics: "
            "use `with polymeter.testing.capture_events(dispatcher):`",
            pytrace=False,
        )
    with capture_events(events) as captured:
        yield captured


@pytest.fixture
def provider(manual_clock: ManualClock) -> Iterator[Provider]:
    """Give an LLM provider on 127.0.0.1, on the manual clock: no pace of a script is waited for.

    See :class:`polymeter.testing.Provider`.
    """
    from polymeter.testing.provider import Provider

    with Provider(manual_clock) as serving:
        yield serving

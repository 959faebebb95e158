"""The pytest plugin, in a pytest of its own."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture
def run(pytester):
    """Run tests with the plugin; gives how they went."""
    pytester.makeconftest('pytest_plugins = ["polymeter.testing.pytest_plugin"]')

    def run(tests):
        pytester.makepyfile(tests)
        return pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider")

    return run


def test_metrics_are_of_one_test_and_current_while_it_runs(run):
    """The next one starts from nothing."""
    done = run("""
        import pytest
        from polymeter.events import NullDispatcher, current

        @pytest.mark.parametrize("again", [1, 2])
        def test_it(metrics, again):
            assert current() is metrics.events
            metrics.registry.counter("calls")
            assert metrics.registry.total("calls") == 1

        def test_without_it_nobody_is_current():
            assert isinstance(current(), NullDispatcher)
    """)
    done.assert_outcomes(passed=3)


def test_time_stands_still_for_them(run):
    """On the clock of the same test."""
    done = run("""
        def test_it(metrics, manual_clock):
            assert metrics.clock is manual_clock
            began = manual_clock.wall()
            metrics.registry.counter("calls")
            manual_clock.advance(10)
            assert metrics.snapshot().taken_at == began + 10
            assert metrics.events.clock is metrics.registry.clock is manual_clock
    """)
    done.assert_outcomes(passed=1)


def test_a_listener_that_raises_fails_the_test(run):
    """It is not counted aside, as it is in production."""
    done = run("""
        def test_it(metrics):
            metrics.events.add_listener(str, lambda event: 1 / 0)
            metrics.events.dispatch("event")
    """)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*ZeroDivisionError*"])


def test_they_are_closed_when_the_test_ends(run):
    """However it ends: sources are uninstalled, and no thread is left."""
    done = run("""
        import threading
        from polymeter import Subscription

        log = []

        class Source:
            def install(self, events):
                log.append("installed")
                return Subscription(lambda: log.append("uninstalled"))

        def test_it(metrics):
            metrics.watch(Source()).every(3600)
            raise ValueError

        def test_afterwards():
            assert log == ["installed", "uninstalled"]
            assert [each.name for each in threading.enumerate() if "polymeter" in each.name] == []
    """)
    done.assert_outcomes(failed=1, passed=1)


class TestLaws:
    """Here something is wrong on purpose, inside of the test that asks."""

    @pytest.fixture
    def both_laws_hold(self):
        """Stand in for the fixture that watches every other test."""

    def test_a_test_that_asks_for_it_fails_if_a_law_is_broken(self, run):
        """When all else is over."""
        done = run("""
            import dataclasses
            from polymeter.registries import AggregatingRegistry

            class Forgetful(AggregatingRegistry):
                def health(self):
                    return dataclasses.replace(super().health(), applied=0)

            def test_nobody_looks():
                Forgetful().counter("calls")

            def test_it_forgets(laws_hold):
                Forgetful().counter("calls")
        """)
        done.assert_outcomes(passed=2, errors=1)
        done.stdout.fnmatch_lines(["*Forgetful: 1 records were made, but applied 0 + invalid 0 + denied 0 = 0*"])

    @pytest.mark.parametrize("fixtures", ["metrics, laws_hold", "laws_hold, metrics"])
    def test_the_metrics_of_that_test_are_watched(self, run, fixtures):
        """Whichever it names first."""
        done = run(f"""
            import dataclasses
            import pytest

            def test_it({fixtures}):
                metrics.registry.counter("calls")
                laws_hold.check()
                wrong = dataclasses.replace(metrics.registry.health(), applied=5)
                metrics.registry.health = lambda: wrong
                with pytest.raises(AssertionError, match="1 records were made, but applied 5"):
                    laws_hold.check()
                del metrics.registry.health
        """)
        done.assert_outcomes(passed=1)

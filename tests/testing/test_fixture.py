"""The pytest plugin, in a pytest of its own."""

from __future__ import annotations

import pytest

from polymeter.testing.approvals import Approving
from tests.interpreter import answer_of

pytest_plugins = ["pytester"]

MODULE = "polymeter.testing.pytest_plugin"


@pytest.fixture
def run(pytester):
    """Run tests in a project that does nothing to have the plugin; gives how they went."""

    def run(tests, *options):
        pytester.makepyfile(tests)
        return pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider", *options)

    return run


def test_to_load_it_costs_next_to_nothing():
    """It is loaded by every run of whoever has Polymeter installed: nothing that it does not need comes with it."""
    code = f"""
import json, sys, pytest
before = set(sys.modules)
import {MODULE}
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    assert answer_of(code) == ["polymeter", "polymeter.lazily", "polymeter.testing", MODULE]


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["-p", MODULE],
        ["-p", "polymeter"],
        ["-p", "polymeter", "-p", MODULE],
        ["-p", MODULE, "-p", "polymeter"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("in_conftest", [True, False])
def test_it_may_be_loaded_by_either_name_and_by_both(pytester, run, options, in_conftest):
    """Where plugins are not found by themselves, a project names it."""
    if in_conftest:
        pytester.makeconftest(f'pytest_plugins = ["{MODULE}"]')
    run("def test_it(metrics): ...", *options).assert_outcomes(passed=1)


@pytest.mark.parametrize("name", [MODULE, "polymeter"])
def test_it_works_where_plugins_are_not_found_by_themselves(run, monkeypatch, name):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    run("def test_it(metrics): ...", "-p", name).assert_outcomes(passed=1)


def test_it_can_be_left_out(run):
    done = run("def test_it(metrics): ...", "-p", "no:polymeter")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*fixture 'metrics' not found*"])


def test_a_project_that_names_it_has_it_all_the_same(pytester, run):
    pytester.makeconftest(f'pytest_plugins = ["{MODULE}"]')
    run("def test_it(metrics): ...", "-p", "no:polymeter").assert_outcomes(passed=1)


def test_a_fixture_of_the_project_wins(pytester, run):
    """Also one that is made of the one here."""
    pytester.makeconftest("""
        import pytest

        @pytest.fixture
        def provider():
            return "ours"

        @pytest.fixture
        def metrics(metrics):
            metrics.registry.counter("ready")
            return metrics
    """)
    done = run("""
        def test_it(metrics, provider):
            assert provider == "ours"
            with metrics.expect("ready", by=1):
                metrics.registry.counter("ready")
            assert metrics.registry.total("ready") == 2
    """)
    done.assert_outcomes(passed=1)


def test_expectations_that_are_never_entered_fail_the_test(run):
    """They would check nothing."""
    done = run("""
        def test_it(metrics):
            metrics.expect("calls", by=1)

        def test_existing(metrics_for):
            from polymeter import Metrics
            metrics_for(Metrics()).expect("calls", by=1)
    """)
    done.assert_outcomes(passed=2, errors=2)
    done.stdout.fnmatch_lines(["*expect(calls: by=1) was never entered, so nothing was checked*"])


def test_a_failure_shows_the_line_of_the_test_and_the_text_alone(run):
    done = run("""
        def test_it(metrics):
            with metrics.expect("calls", by=1):
                metrics.registry.counter("calls", increment=2)
    """)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*calls: expected by=1; found: by=2"])
    done.stdout.no_fnmatch_line("*block.py*")


def test_coroutines_find_the_same_dispatcher(run):
    """Whoever runs them, here the plugin of anyio."""
    done = run("""
        import pytest
        from polymeter.events import current

        @pytest.mark.anyio
        async def test_it(metrics):
            metrics.events.add_listener(str, lambda event: metrics.registry.counter("calls"))
            with metrics.expect("calls", by=1):
                current().dispatch("event")
    """)
    done.assert_outcomes(passed=2)  # on asyncio and on trio


def test_threads_of_the_test_find_the_same_dispatcher(run):
    """As do those of a server that it starts."""
    done = run("""
        import threading
        from polymeter.events import current

        def test_it(metrics, captured_events):
            thread = threading.Thread(target=lambda: current().dispatch("event"))
            thread.start()
            thread.join()
            assert captured_events == ["event"]
    """)
    done.assert_outcomes(passed=1)


def test_events_are_captured_of_the_metrics_of_the_test(run):
    done = run("""
        from polymeter.events import current

        def test_it(captured_events, metrics):
            current().dispatch("event")
            metrics.events.dispatch(1)
            assert captured_events == ["event", 1]
    """)
    done.assert_outcomes(passed=1)


def test_events_of_a_fixture_that_is_something_else_are_not_guessed(pytester, run):
    pytester.makeconftest("""
        import pytest

        @pytest.fixture
        def metrics():
            return {}
    """)
    done = run("def test_it(captured_events): ...")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*the fixture 'metrics' of this project gives {}, which is no polymeter.Metrics*"])


def test_the_provider_is_there_for_a_test_and_waits_for_nothing(run):
    """Times come out as scripted."""
    done = run("""
        import http.client, json
        from polymeter.testing.provider import Reply

        kept = []

        def test_it(provider, manual_clock):
            kept.append(provider)
            provider.script(Reply("Hello", first_chunk_after=3600))
            connection = http.client.HTTPConnection(provider.url.removeprefix("http://"))
            body = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hi"}]})
            connection.request("POST", "/v1/chat/completions", body)
            assert b"Hello" in connection.getresponse().read()
            connection.close()
            assert manual_clock.monotonic() == 3600
            assert [each.status for each in provider.settled()] == [200]

        def test_afterwards():
            import pytest
            with pytest.raises(OSError):
                http.client.HTTPConnection(kept[0].url.removeprefix("http://")).connect()
    """)
    done.assert_outcomes(passed=2)


def test_the_option_approves_and_only_in_that_run(pytester, run):
    tests = """
        from polymeter.testing import assert_approved

        def test_it(metrics):
            metrics.registry.counter("calls")
            assert_approved(metrics, "calls")
    """
    first = run(tests)
    first.assert_outcomes(failed=1)
    first.stdout.fnmatch_lines(["*nothing is approved yet in *"])
    run(tests, "--polymeter-approve").assert_outcomes(passed=1)
    assert not Approving.is_on
    run(tests).assert_outcomes(passed=1)
    approved = pytester.path / "approved"
    file = next(approved.iterdir())
    assert file.read_text("utf-8") == "calls (counter)\n  {} 1\n"
    file.write_text("calls (counter)\n  {} 2\n", "utf-8")
    run(tests).assert_outcomes(failed=1)


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

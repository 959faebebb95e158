"""`polymeter demo` within this process: what it leaves behind, and what it says when the books differ."""

from __future__ import annotations

import json
import threading
from contextlib import suppress

import openai
import pytest
from click.testing import CliRunner

from polymeter.cli import demo_report, main
from polymeter.cli.demo_calls import CHAT, Call
from polymeter.cli.demo_clients import make, sync_client
from polymeter.cli.demo_ledger import Ledger
from polymeter.cli.demo_run import DemoRun
from polymeter.testing.provider import Reply


@pytest.fixture
def runner():
    return CliRunner()


def methods_of(cls):
    return [dict(vars(each)) for each in cls.__mro__[:-1]]


def test_it_leaves_no_thread_and_the_sdk_as_it_was(runner):
    threads, methods = set(threading.enumerate()), methods_of(openai.OpenAI)
    done = runner.invoke(main, ["demo", "--seconds", "0.3", "--seed", "7", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["seed"] == 7
    for thread in set(threading.enumerate()) - threads:
        thread.join(5)
    assert set(threading.enumerate()) - threads == set()
    assert methods_of(openai.OpenAI) == methods


def test_a_call_that_the_load_did_not_make_is_found_out():
    with DemoRun(port=0, seed=1) as run:
        with sync_client(run.provider.base_url) as somebody_else:
            make(somebody_else, Call(model=CHAT, manner="ask", steps=(Reply(),)), {})
        result = run.finish()
    assert not result.sums_hold
    wrong = {each.what: each for each in result.sums if not each.holds}
    assert {"calls", "ok", "requests"} <= wrong.keys()
    sides = wrong["calls"].sides
    assert sides["metrics"] == sides["server"] == sides["load"] + 1
    assert {each.model for each in wrong.values()} == {CHAT}


def test_books_that_differ_are_shown_and_exit_with_1(runner, monkeypatch):
    made = Ledger.made
    forgotten = []

    def made_but_one(ledger, call):
        if forgotten:
            made(ledger, call)
        forgotten.append(call)

    monkeypatch.setattr(Ledger, "made", made_but_one)
    done = runner.invoke(main, ["demo", "--seconds", "0.3"])
    assert done.exit_code == 1
    assert "The sums do not hold:\n  calls of " in done.output
    assert "The sums hold" not in done.output


def test_the_second_ctrl_c_ends_it_at_once(runner, monkeypatch):
    def interrupted(_run, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(DemoRun, "finish", interrupted)
    done = runner.invoke(main, ["demo", "--seconds", "0.1"])
    assert done.exit_code == 130
    assert "sums" not in done.output


def test_the_lines_for_your_own_code_run_as_printed(capsys):
    names = {}
    try:
        exec(demo_report.YOUR_OWN, names)  # noqa: S102 -- that is what its readers will do
    finally:
        with suppress(KeyError):
            names["metrics"].close()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "soon"])
def test_a_time_that_is_none_is_refused(runner, seconds):
    done = runner.invoke(main, ["demo", "--seconds", seconds])
    assert done.exit_code == 2
    assert "--seconds" in done.output

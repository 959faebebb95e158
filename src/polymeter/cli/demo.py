"""``polymeter demo``: see it work, without a key and without leaving this machine."""

from __future__ import annotations

import errno
import math
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import click

from polymeter.cli.exit_codes import CANNOT_START, INTERRUPTED, WRONG
from polymeter.errors import MissingExtraError

if TYPE_CHECKING:
    from polymeter.cli.demo_run import DemoRun, Result

__all__ = ["demo"]

_FRAME: Final = 0.15
"""Seconds between two looks at the metrics."""


class _CannotStartError(click.ClickException):
    exit_code = CANNOT_START


@click.command()
@click.option(
    "--seconds",
    type=click.FloatRange(0, 3600, min_open=True),
    default=8,
    show_default=True,
    help="How long the load runs.",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Where /metrics is served on 127.0.0.1 while it runs.  [default: a free port]",
)
@click.option("--seed", default=1, show_default=True, help="Another seed, another order of events.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document: the ledgers, the sums, the metrics.")
@click.pass_context
def demo(context: click.Context, *, seconds: float, port: int | None, seed: int, as_json: bool) -> None:
    """Watch the OpenAI SDK at work, and check the sums.

    Starts an LLM provider on 127.0.0.1 and has the real SDK call it from threads and tasks: streams, retries,
    failures, cancelled and abandoned calls. Shows the metrics as they come. In the end, what the metrics say is held
    against what the load did and what the server saw.

    Exits with 0 if the sums hold, with 1 if they do not, and with 2 if it could not start. Ctrl-C ends the load early.
    """
    # Not before: `polymeter --help` needs none of it.
    from polymeter.cli import demo_report
    from polymeter.cli.demo_run import DemoRun

    if math.isnan(seconds):  # passes any range
        message = "nan is not a number of seconds"
        raise click.BadParameter(message, param_hint="--seconds")
    try:
        with ExitStack() as parts:
            run = _started(DemoRun(port=port or 0, seed=seed), parts, port)
            result = _watched(run, seconds, as_json=as_json)
        demo_report.write(result, seed=seed, as_json=as_json)
    except KeyboardInterrupt:
        context.exit(INTERRUPTED)
    context.exit(0 if result.sums_hold else WRONG)


def _started(run: DemoRun, parts: ExitStack, port: int | None) -> DemoRun:
    try:
        return parts.enter_context(run)
    except MissingExtraError as error:
        raise _CannotStartError(str(error)) from error
    except OSError as error:
        if port is None:
            raise _CannotStartError(str(error)) from error
        reason = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
        message = f"{port} {reason} on 127.0.0.1: choose another one, or leave --port out for a free one"
        raise click.BadParameter(message, param_hint="--port") from error


def _watched(run: DemoRun, seconds: float, *, as_json: bool) -> Result:
    """Look at the metrics until the time is over or an end is asked for, then let everything end."""
    from polymeter.cli.demo_screen import screen
    from polymeter.cli.interrupts import heard_interrupts

    with heard_interrupts() as interrupts:
        with screen(run.url, seconds, as_json=as_json) as show:
            show(run)
            while not interrupts.asked and run.elapsed < seconds:
                time.sleep(max(0.0, min(_FRAME, seconds - run.elapsed)))
                show(run)
        return run.finish(interrupted=interrupts.asked)

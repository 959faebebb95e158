"""What is seen while the demo runs: a table on a terminal, a bar beside output that goes elsewhere, or nothing."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.live import Live

from polymeter.cli.demo_table import live_view, progress_line

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from polymeter.cli.demo_run import DemoRun

__all__ = ["console_on", "screen"]

_LEAST_WIDTH: Final = 80


def console_on(*, stderr: bool = False) -> Console:
    """Give a console that neither colours numbers nor reads brackets as markup, and is wide enough for our tables."""
    console = Console(stderr=stderr, highlight=False, markup=False)
    if not console.is_terminal:
        console.width = max(console.width, _LEAST_WIDTH)
    return console


@contextmanager
def screen(url: str, seconds: float, *, as_json: bool) -> Generator[Callable[[DemoRun], None]]:
    """Give what shows a run as it is now; what was shown is gone after the block.

    :param as_json: leave stdout alone.
    """
    out, beside = console_on(), console_on(stderr=True)
    live = can_redraw(out) and not as_json
    console = out if live else beside
    if not as_json or can_redraw(beside):
        # Written at once, for who reads along in a pipe.
        (beside if as_json else out).print(f"metrics: {url} (for {seconds:g} s)", soft_wrap=True)
        (beside if as_json else out).file.flush()
    if not can_redraw(console):
        yield lambda _: None
        return
    with Live(
        console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
    ) as drawn:

        def show(run: DemoRun) -> None:
            view = live_view(run.snapshot(), console.height) if live else ""
            drawn.update(progress_line(run.elapsed, seconds, view), refresh=True)

        yield show


def can_redraw(console: Console) -> bool:
    """Tell whether a console can overwrite what it shows."""
    return console.is_terminal and not console.is_dumb_terminal

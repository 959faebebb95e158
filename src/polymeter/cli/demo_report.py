"""What the demo says in the end: tables and sums for people, or one JSON document for programs."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final, cast

import click

from polymeter.cli.demo_metrics import OUTCOMES, reading_of
from polymeter.cli.demo_screen import console_on
from polymeter.cli.demo_table import calls_table, errors_table, sums_table

if TYPE_CHECKING:
    from polymeter.cli.demo_run import Result

__all__ = ["YOUR_OWN", "write"]

YOUR_OWN: Final = """\
from polymeter import Metrics
from polymeter.collectors import InferenceMetricsCollector
from polymeter.exporters import PrometheusExporter
from polymeter.sources import OpenAISource

exporter = PrometheusExporter()
metrics = Metrics().watch(OpenAISource()).collect(InferenceMetricsCollector()).export_to(exporter)
print(exporter.render())  # at any time; the client is used as always
"""


def write(result: Result, *, seed: int, as_json: bool) -> None:
    """Write it to stdout."""
    if as_json:
        click.echo(json.dumps(_document(result, seed), indent=2, allow_nan=False))
        return
    console = console_on()
    for table in (calls_table(result.snapshot), errors_table(result.snapshot), sums_table(result.sums)):
        console.print()
        console.print(table)
    console.print()
    for line in _verdict(result):
        console.print(line, soft_wrap=True)
    console.print("\nThe same for your own code:\n")
    console.print(YOUR_OWN, soft_wrap=True, end="")


def _verdict(result: Result) -> list[str]:
    if not result.sums_hold:
        wrong = [str(each) for each in result.sums if not each.holds]
        return ["The sums do not hold:", *(f"  {each}" for each in [*wrong, *result.troubles])]
    all_of_it = reading_of(result.snapshot)
    parts = [f"{all_of_it.outcomes[outcome]:,} {outcome}" for outcome in OUTCOMES]
    return [
        f"The sums hold: {all_of_it.started:,} calls = {' + '.join(parts)} + {all_of_it.active:,} in flight.",
        f"Model by model, all {len(result.sums)} numbers are what the load did and what the server saw.",
    ]


def _document(result: Result, seed: int) -> dict[str, Any]:
    return {
        "sums_hold": result.sums_hold,
        "seconds": result.seconds,
        "seed": seed,
        "interrupted": result.interrupted,
        "ledger": result.ledger,
        "sums": [each.to_dict() for each in result.sums],
        "troubles": result.troubles,
        "metrics": _strict([metric.to_dict() for metric in result.snapshot]),
    }


def _strict(value: object) -> object:
    """Give ``value`` as JSON can have it: what is not a finite number is null."""
    match value:
        case dict():
            return {key: _strict(each) for key, each in cast("dict[str, Any]", value).items()}
        case list():
            return [_strict(each) for each in cast("list[object]", value)]
        case float():
            return value if math.isfinite(value) else None
        case _:
            return value

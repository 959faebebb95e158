"""``polymeter sources``: which libraries here can be watched."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

__all__ = ["sources"]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list instead of a table.")
def sources(*, as_json: bool) -> None:
    """List the installed libraries that have a source, and whether their versions are supported.

    None of them is imported. `sources = "auto"` in polymeter.toml watches the supported ones.
    """
    from polymeter.sources import discover

    found = discover()
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], indent=2))
        return
    if not found:
        click.echo("none of the libraries that have a source is installed here")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("library", "version", "supported", "source", "extra", box=None, pad_edge=False)
    for each in found:
        answer = "yes" if each.is_supported else f"no: {each.supported}"
        extra = f"polymeter[{each.extra}]" if each.extra else ""
        table.add_row(each.library, each.version, answer, each.source, extra)
    Console(markup=False, highlight=False).print(table)

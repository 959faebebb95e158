"""``polymeter``: the list of commands. A new command is one new file and one line here."""

from __future__ import annotations

import click

from polymeter.cli.config import config
from polymeter.cli.demo import demo
from polymeter.cli.manifest import manifest
from polymeter.cli.sources import sources

__all__ = ["polymeter"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="polymeter", message="%(package)s %(version)s")
def polymeter() -> None:
    """Typed events in, metrics out."""


polymeter.add_command(config)
polymeter.add_command(demo)
polymeter.add_command(manifest)
polymeter.add_command(sources)

"""``polymeter config``: what a configuration says, before it is used."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from polymeter.cli.exit_codes import WRONG
from polymeter.errors import PolymeterError

__all__ = ["config"]


@click.command()
@click.argument("path", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--check", is_flag=True, help="Print what would be built, without secrets; or everything that is wrong.")
@click.option("--schema", "as_schema", is_flag=True, help="Print the JSON schema of polymeter.toml, for editors.")
@click.pass_context
def config(context: click.Context, *, path: Path | None, check: bool, as_schema: bool) -> None:
    """Check a configuration, or print its schema.

    PATH is a file; without it, the one that Metrics.from_env() would read here. POLYMETER_* variables count too, as
    they do there. Nothing is wired: no server, no thread, no patch.

    Exits with 0 if it can be used, with 1 if it cannot, and with 2 for wrong options.
    """
    from polymeter.configuration import Configuration, schema
    from polymeter.metrics import Metrics

    if check == as_schema:
        message = "give --check or --schema"
        raise click.UsageError(message)
    if as_schema:
        click.echo(json.dumps(schema(), indent=2))
        return
    sys.path.insert(0, str(Path.cwd()))  # as `python -m` has it: the modules beside are what is meant
    try:
        configuration = Configuration.from_environ(path=path)
        configuration.build(Metrics, is_passive=True)
    except PolymeterError as error:
        click.echo(str(error), err=True)
        context.exit(WRONG)
    finally:
        sys.path.pop(0)
    click.echo(str(configuration))

"""``polymeter manifest``: hold the metrics to what was agreed."""

from __future__ import annotations

import atexit
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from polymeter.cli.exit_codes import WRONG
from polymeter.cli.problems import CannotStartError
from polymeter.errors import PolymeterError

if TYPE_CHECKING:
    from polymeter.catalogue import Manifest
    from polymeter.metrics import Metrics

__all__ = ["manifest"]


@click.command()
@click.argument("target", required=False)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("polymeter-manifest.json"),
    show_default=True,
    help="The manifest's file.",
)
@click.option("--check", is_flag=True, help="Compare with the file, and write nothing.")
@click.option("--strict", is_flag=True, help="With --check: any difference is a failure, additions too.")
@click.pass_context
def manifest(context: click.Context, *, target: str | None, output: Path, check: bool, strict: bool) -> None:
    """Write every metric with its names in the back ends into a file, or compare with it.

    TARGET is 'package.module:name' of a Metrics, or of a function without parameters that gives one. Without TARGET it
    is what polymeter.toml says; sources, servers and triggers are left out then.

    With --check it exits with 1 if a metric was removed, renamed in a back end, or got another kind, unit or other
    tags, and the file's "allow" does not list it. If it cannot begin, it exits with 2.
    """
    # Not before: `polymeter --help` needs none of it.
    from polymeter.catalogue import Manifest
    from polymeter.catalogue.differences import differences, report

    if strict and not check:
        message = "--strict is about --check: give both"
        raise click.UsageError(message)
    if check and not output.exists():
        message = f"there is no {output}: write it first, by 'polymeter manifest{f' {target}' if target else ''}'"
        raise CannotStartError(message)
    known = _read(output) if output.exists() else Manifest()
    metrics = _metrics(target)
    atexit.register(_deliver_nothing, metrics)
    now = Manifest.of(metrics.catalogue(), known.allow)
    if not check:
        _write(output, now.to_text())
        click.echo(f"{output}: {len(now.metrics)} metrics")
        return
    found = differences(known, now)
    breaking = [each for each in found if each.is_breaking]
    if found:
        click.echo(report(found))
    if breaking:
        click.echo(
            f"\n{output}: not as it was: {len(breaking)} breaking. "
            'If that is meant, list the metrics under "allow" there, or write it anew.'
        )
    elif found:
        click.echo(f"\n{output}: nothing breaks{'; write it anew' if strict else ''}")
    else:
        click.echo(f"{output}: as it was, {len(now.metrics)} metrics")
    context.exit(WRONG if breaking or (strict and found) else 0)


def _deliver_nothing(metrics: Metrics) -> None:
    """Keep a facade that exports at exit from telling its back ends of this process."""
    for thing, _ in list(metrics._added):  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        if callable(getattr(thing, "export", None)):
            metrics.remove(thing)


def _read(file: Path) -> Manifest:
    from polymeter.catalogue import Manifest

    try:
        return Manifest.from_text(file.read_text("utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file} cannot be read: {error}"
        raise CannotStartError(message) from error
    except PolymeterError as error:
        raise CannotStartError(str(error)) from error


def _write(file: Path, text: str) -> None:
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        beside.write_text(text, "utf-8")
        beside.replace(file)  # at once: a reader finds the old one or the new one
    except OSError as error:
        beside.unlink(missing_ok=True)
        message = f"{file} cannot be written: {error.strerror}"
        raise CannotStartError(message) from error


def _metrics(target: str | None) -> Metrics:
    """Give the metrics to look at.

    :raises CannotStartError: if they cannot be had.
    """
    from polymeter.configuration import Configuration, loaded
    from polymeter.metrics import Metrics

    sys.path.insert(0, str(Path.cwd()))  # as `python -m` has it: the modules beside are what is meant
    try:
        if target is None:
            configuration = Configuration.from_file()
            if configuration.is_disabled:
                message = f"{configuration.origins[0]} says that everything is disabled: there is nothing to look at"
                raise CannotStartError(message)
            return configuration.build(Metrics, is_passive=True)
        found: Any = loaded(target)
        if not isinstance(found, Metrics) and callable(found):
            found = found()
    except PolymeterError as error:
        raise CannotStartError(str(error)) from error
    finally:
        sys.path.pop(0)
    if not isinstance(found, Metrics):
        message = f"{target} gives a {type(found).__name__}: name a Metrics, or a function that gives one"
        raise CannotStartError(message)
    return found

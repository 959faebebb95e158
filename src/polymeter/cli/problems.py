"""Errors of a command as click shows them."""

from __future__ import annotations

import click

from polymeter.cli.exit_codes import CANNOT_START

__all__ = ["CannotStartError"]


class CannotStartError(click.ClickException):
    """The command could not begin."""

    exit_code = CANNOT_START

"""The variables of OpenTelemetry: those for metrics before those for everything.

What cannot be used is left alone and told, as "Environment variable specification" of OpenTelemetry has it for numbers
and for words that there are not. An empty variable is none.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, TypeVar

from polymeter.resource.pairs import pairs_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Environment"]

ChoiceT = TypeVar("ChoiceT")

_GENERAL: Final = "OTEL_EXPORTER_OTLP_"
_SPECIFIC: Final = "OTEL_EXPORTER_OTLP_METRICS_"


class Environment:
    """Reads variables.

    :param environ: by name.
    :param warn: told what is left alone, and why. It is never told a value that may be a secret.
    """

    def __init__(self, environ: Mapping[str, str], warn: Callable[[str], object]) -> None:
        self._environ = environ
        self._warn = warn

    def text(self, name: str) -> str:
        """Give a variable; empty if there is none."""
        return self._environ.get(name, "").strip()

    def found(self, suffix: str) -> tuple[str, str]:
        """Give name and text of ``OTEL_EXPORTER_OTLP_METRICS_...``, else of ``OTEL_EXPORTER_OTLP_...``."""
        for name in (_SPECIFIC + suffix, _GENERAL + suffix):
            text = self.text(name)
            if text:
                return name, text
        return _GENERAL + suffix, ""

    def is_true(self, name: str) -> bool:
        """Tell whether a variable is ``true``: everything else is false."""
        return self.text(name).lower() == "true"

    def choice(
        self, name: str, choices: Mapping[str, ChoiceT], otherwise: ChoiceT, given: ChoiceT | None = None
    ) -> ChoiceT:
        """Give what was ``given``, else what a variable says in one of a few words, else ``otherwise``."""
        if given is not None:
            return given
        text = self.text(name)
        if text and text.lower() not in choices:
            self._warn(f"{name}={text!r} is ignored: use one of {', '.join(choices)}")
        return choices.get(text.lower(), otherwise)

    def of_exporter(
        self, suffix: str, choices: Mapping[str, ChoiceT], otherwise: ChoiceT, given: ChoiceT | None = None
    ) -> ChoiceT:
        """Give the same of ``OTEL_EXPORTER_OTLP_[METRICS_]...``."""
        return self.choice(self.found(suffix)[0], choices, otherwise, given)

    def seconds(self, suffix: str) -> float | None:
        """Give milliseconds as seconds."""
        name, text = self.found(suffix)
        if not text:
            return None
        try:
            seconds = float(text) / 1000
        except ValueError:
            seconds = math.nan
        if not 0 < seconds < math.inf:
            self._warn(f"{name}={text!r} is ignored: give a positive number of milliseconds")
            return None
        return seconds

    def pairs(self, suffix: str) -> dict[str, str] | None:
        """Give ``name=value,name=value``."""
        name, text = self.found(suffix)
        try:
            return pairs_of(text) or None
        except ValueError as error:
            self._warn(f"{name} is ignored: {error}")
            return None

"""Everything that Polymeter raises, and when.

::

    PolymeterError
    ├── DefinitionError              what was declared cannot work (also a ValueError)
    │   ├── DefinitionConflictError  two declarations of one name disagree; both are attached
    │   └── ListenerError            something that cannot listen was registered
    ├── InvalidMetricError           a value that no metric of this kind can have (also a ValueError)
    │   └── InvalidTagsError         a tag name or value that cannot identify a series
    ├── MetricNotFoundError          ``get`` found none, or more than one (also a LookupError)
    ├── ExportError                  ``metrics.export()`` by hand could not deliver everything
    ├── DeliveryError                an exporter could not deliver; it says why in one word
    ├── MissingExtraError            an optional library is absent or too old (also an ImportError)
    ├── NotActiveError               nobody listens here, and the call makes no sense without (also a RuntimeError)
    └── StopwatchError               a stopwatch was asked to stop what does not run (also a RuntimeError); it is in
                                     ``polymeter.timing``

All of them are raised at definition time or by a direct call. Recording a measurement and dispatching an
event never raise; what they could not use is counted by reason and readable in ``health()``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polymeter.data.definition import MetricDefinition

__all__ = [
    "DefinitionConflictError",
    "DefinitionError",
    "DeliveryError",
    "ExportError",
    "InvalidMetricError",
    "InvalidTagsError",
    "ListenerError",
    "MetricNotFoundError",
    "MissingExtraError",
    "NotActiveError",
    "PolymeterError",
]


class PolymeterError(Exception):
    """Base of everything that Polymeter raises on purpose."""


class DefinitionError(PolymeterError, ValueError):
    """A declaration that cannot work; the message names it and what would."""


class DefinitionConflictError(DefinitionError):
    """A name was declared twice with different meanings.

    :ivar existing: the definition that stands.
    :ivar conflicting: the one that was refused.
    """

    def __init__(self, existing: MetricDefinition, conflicting: MetricDefinition) -> None:
        super().__init__(
            f"metric {existing.name!r} is already defined differently:\n"
            f"  existing:    {existing}\n"
            f"  conflicting: {conflicting}\n"
            "use another name, or make both declarations agree"
        )
        self.existing = existing
        self.conflicting = conflicting

    def __reduce__(self) -> tuple[type[DefinitionConflictError], tuple[MetricDefinition, MetricDefinition]]:
        return (type(self), (self.existing, self.conflicting))


class ListenerError(DefinitionError):
    """Something was registered that the dispatcher cannot call."""


class InvalidMetricError(PolymeterError, ValueError):
    """A value that no metric of this kind can have."""


class InvalidTagsError(InvalidMetricError):
    """A tag name or value that cannot identify a series."""


class MetricNotFoundError(PolymeterError, LookupError):
    """There is not exactly one such metric; the message says what is near."""


class ExportError(PolymeterError):
    """An export by hand failed for at least one exporter, after all of them had their turn.

    :ivar failures: ``(exporter, exception)`` of each that failed.
    """

    def __init__(self, failures: Sequence[tuple[object, Exception]]) -> None:
        said = "; ".join(f"{type(exporter).__name__}: {type(error).__name__}" for exporter, error in failures)
        super().__init__(f"could not export to {said} (the exceptions are in .failures)")
        self.failures = tuple(failures)

    def __reduce__(self) -> tuple[type[ExportError], tuple[tuple[tuple[object, Exception], ...]]]:
        return (type(self), (self.failures,))


class DeliveryError(PolymeterError):
    """An exporter could not deliver.

    :ivar reason: why, in one word of a small set, for counting: ``refused`` (nobody answers there), ``timeout``,
        ``reset`` (the connection broke), ``tls``, ``throttled`` (429), ``unavailable`` (5xx), ``rejected`` (other
        statuses: to send the same again is no use), ``answer`` (one that makes no sense, or does not end), ``error``.
    :ivar is_ambiguous: whether the other side may have taken it all the same.
    :ivar retry_after: seconds that the other side asks to be left alone for; ``None`` if it did not ask.
    """

    def __init__(
        self, message: str, *, reason: str = "error", is_ambiguous: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.is_ambiguous = is_ambiguous
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[object, ...]:
        return (_delivery_error, (str(self), self.reason, self.is_ambiguous, self.retry_after))


def _delivery_error(message: str, reason: str, is_ambiguous: bool, retry_after: float | None) -> DeliveryError:  # noqa: FBT001 - for pickle
    return DeliveryError(message, reason=reason, is_ambiguous=is_ambiguous, retry_after=retry_after)


class MissingExtraError(PolymeterError, ImportError):
    """An optional library is absent or outside the supported range; the message names the extra."""


class NotActiveError(PolymeterError, RuntimeError):
    """No dispatcher is active in this context."""

"""The service, and whatever else the environment says in ``OTEL_SERVICE_NAME`` and ``OTEL_RESOURCE_ATTRIBUTES``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from polymeter.resource.pairs import pairs_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["UNKNOWN_SERVICE", "service_of"]

UNKNOWN_SERVICE: Final = "unknown_service:python"


def service_of(environ: Mapping[str, str], warn: Callable[[str], object]) -> dict[str, str]:
    """Give the attributes that the environment says; ``service.name`` is always among them.

    :param warn: told if ``OTEL_RESOURCE_ATTRIBUTES`` cannot be read: nothing of it counts then, as the specification
        of resources in OpenTelemetry has it.
    """
    try:
        said = pairs_of(environ.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    except ValueError as error:
        warn(f"OTEL_RESOURCE_ATTRIBUTES is ignored: {error}")
        said = {}
    name = environ.get("OTEL_SERVICE_NAME", "").strip() or said.get("service.name") or UNKNOWN_SERVICE
    return {**said, "service.name": name}

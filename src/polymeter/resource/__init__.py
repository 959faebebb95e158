"""What a process can find out about itself: service, process, host, container.

Names and texts are those of the resource conventions of OpenTelemetry. Nothing here is read from a command line, which
may hold secrets.
"""

from __future__ import annotations

from polymeter.resource.detecting import detected
from polymeter.resource.identity import instance_id
from polymeter.resource.service import service_of

__all__ = ["detected", "instance_id", "service_of"]

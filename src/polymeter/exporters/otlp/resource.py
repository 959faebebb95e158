"""The resource: what is the same for everything that a process sends."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from polymeter.data.tags import Tags
from polymeter.resource import detected, instance_id, service_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KnownResource", "Resource"]


class Resource:
    """Puts the resource together: what is given wins over what a registry has, and that over what is found out.

    :param given: by the user.
    :param detects: whether process, host and container are looked at.
    :param warn: told about variables that cannot be read.
    """

    def __init__(self, given: Tags, *, detects: bool, warn: Callable[[str], object]) -> None:
        self._given = given
        self._detects = detects
        self._service = service_of(os.environ, warn)
        self._known: tuple[int, Tags, Tags] | None = None

    def of(self, registry: Tags) -> Tags:
        """Give the resource of what a registry has recorded."""
        pid = os.getpid()  # a forked child is another process, and another instance
        known = self._known
        if known is None or known[0] != pid or known[1] != registry:
            found = detected() if self._detects else {}
            own = {"service.instance.id": instance_id(), **_sdk()}
            known = (pid, registry, Tags({**found, **own, **self._service}).merge(registry).merge(self._given))
            self._known = known
        return known[2]

    def text_of(self, registry: Tags) -> str:
        """Give the same as text, for :class:`KnownResource`."""
        return json.dumps(self.of(registry).to_dict())


class KnownResource(Resource):
    """The resource of another process.

    :param text: what :meth:`Resource.text_of` gave there.
    """

    def __init__(self, text: str) -> None:
        self._known_one = Tags.of(json.loads(text))

    def of(self, registry: Tags) -> Tags:
        """Give it, whatever this process is."""
        del registry
        return self._known_one


def _sdk() -> dict[str, str]:
    from polymeter.exporters.otlp.version import version

    said = {"telemetry.sdk.language": "python", "telemetry.sdk.name": "polymeter", "telemetry.sdk.version": version()}
    return {name: text for name, text in said.items() if text}

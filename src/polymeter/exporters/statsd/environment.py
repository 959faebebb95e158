"""What the environment says about StatsD: the variables of Datadog's clients, and those of pystatsd."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from polymeter.errors import DefinitionError
from polymeter.exporters.statsd.addresses import DEFAULT_PORT, Address, address_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polymeter.exporters.statsd.dialects import Pairs

__all__ = ["Environment"]

_TAGS: Final = {
    "DD_ENTITY_ID": "dd.internal.entity_id",
    "DD_ENV": "env",
    "DD_SERVICE": "service",
    "DD_VERSION": "version",
}
_YES: Final = {"1", "true", "yes", "on"}
_NO: Final = {"0", "false", "no", "n", "off"}
CARDINALITIES: Final = frozenset({"none", "low", "orchestrator", "high"})


class Environment(NamedTuple):
    """The variables of one moment.

    :ivar of: name -> text; those that are empty are not there.
    :ivar is_datadog: whether ``DD_*`` count.
    """

    of: Mapping[str, str]
    is_datadog: bool

    @classmethod
    def now(cls, *, is_datadog: bool) -> Environment:
        """Read what the process has."""
        return cls({name: text for name, text in os.environ.items() if text}, is_datadog)

    def address(self) -> Address:
        """Give the address: ``DD_DOGSTATSD_URL``, else host and port of ``DD_*`` or ``STATSD_*``, else this machine.

        :raises DefinitionError: if there can be no such address; it names the variable.
        """
        url = self._datadog("DD_DOGSTATSD_URL")
        if url is not None:
            return self._checked("DD_DOGSTATSD_URL", url)
        host_name = "DD_AGENT_HOST" if self._datadog("DD_AGENT_HOST") else "STATSD_HOST"
        port_name = "DD_DOGSTATSD_PORT" if self._datadog("DD_DOGSTATSD_PORT") else "STATSD_PORT"
        host = self.of.get(host_name, "127.0.0.1")
        port = self._number(port_name, DEFAULT_PORT)
        return self._checked(host_name, f"udp://{f'[{host}]' if ':' in host else host}:{port}")

    def tags(self) -> Pairs:
        """Give the tags of everything: ``DATADOG_TAGS``, then those that name environment, service and version."""
        if not self.is_datadog:
            return ()
        pairs: list[tuple[str, str]] = []
        for said in self.of.get("DATADOG_TAGS", "").split(","):
            key, _, text = said.strip().partition(":")
            if key:
                pairs.append((key, text))
        pairs += [(tag, self.of[variable]) for variable, tag in _TAGS.items() if variable in self.of]
        return tuple(pairs)

    @property
    def prefix(self) -> str:
        """What names begin with; or empty."""
        return self.of.get("STATSD_PREFIX", "")

    @property
    def packet(self) -> int | None:
        """Bytes of a UDP packet, if they are said."""
        return self._number("STATSD_MAXUDPSIZE", 0) or None

    @property
    def ipv6(self) -> bool:
        """Whether IPv6 comes first where a host has both."""
        return self.of.get("STATSD_IPV6", "").lower() in _YES

    @property
    def is_disabled(self) -> bool:
        """Whether nothing is to be sent at all."""
        return (self._datadog("DD_DOGSTATSD_DISABLE") or "").lower() in _YES

    @property
    def detects_origin(self) -> bool:
        """Whether to say from which container this comes."""
        return (self._datadog("DD_ORIGIN_DETECTION_ENABLED") or "").lower() not in _NO

    @property
    def external_data(self) -> str | None:
        """What the agent has told this container about it."""
        return self._datadog("DD_EXTERNAL_ENV")

    @property
    def cardinality(self) -> str | None:
        """Which tags the agent is to add.

        :raises DefinitionError: for another word.
        """
        said = self._datadog("DD_CARDINALITY") or self._datadog("DATADOG_CARDINALITY")
        if said is not None and said.lower() not in CARDINALITIES:
            message = f"DD_CARDINALITY is {said!r}: use one of {', '.join(sorted(CARDINALITIES))}"
            raise DefinitionError(message)
        return None if said is None else said.lower()

    def _datadog(self, name: str) -> str | None:
        return self.of.get(name) if self.is_datadog else None

    def _number(self, name: str, default: int) -> int:
        text = self.of.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit()):
            message = f"{name} is {text!r}: it should be a whole number"
            raise DefinitionError(message)
        return int(text)

    @staticmethod
    def _checked(name: str, text: str) -> Address:
        try:
            return address_of(text)
        except DefinitionError as error:
            message = f"{name}: {error}"
            raise DefinitionError(message) from None

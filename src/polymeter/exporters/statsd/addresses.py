"""Where StatsD listens, taken apart and checked once."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from polymeter.errors import DefinitionError

__all__ = ["DEFAULT_PORT", "Address", "address_of"]

DEFAULT_PORT: Final = 8125
_PACKET: Final = {"udp": 1432, "tcp": 8192, "unix": 8192, "unixgram": 8192, "unixstream": 8192}
"""Bytes of a packet: what an Ethernet frame carries of UDP, and what an agent reads from a Unix socket at once."""
_LIKE: Final = "expected one of 127.0.0.1:8125, udp://HOST:PORT, tcp://HOST:PORT, unix:///PATH, unixstream:///PATH"


@dataclass(frozen=True, slots=True)
class Address:
    """A place that can be sent to.

    :ivar scheme: ``udp``, ``tcp``, ``unixgram``, ``unixstream``, or ``unix``: whichever of the two the socket is.
    :ivar host: name or number; empty for a path.
    :ivar path: of a Unix socket; empty for a host.
    """

    scheme: str
    host: str = ""
    port: int = 0
    path: str = ""

    @property
    def is_local(self) -> bool:
        """Whether it is a Unix socket."""
        return bool(self.path)

    @property
    def packet(self) -> int:
        """Bytes that a packet has at most, where nobody says otherwise."""
        return _PACKET[self.scheme]

    def __str__(self) -> str:
        if self.path:
            return f"{self.scheme}://{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def address_of(text: str | os.PathLike[str]) -> Address:
    """Take an address apart: ``host``, ``host:port``, ``[::1]:8125``, a URL, or the absolute path of a Unix socket.

    :raises DefinitionError: if nothing can be sent there; the message says what would do.
    """
    said = os.fspath(text)
    if not isinstance(said, str) or not said or re.search(r"[\x00-\x20\x7f]", said):
        raise _wrong(text, "is not one")
    if said.startswith("/"):
        said = f"unix://{said}"
    scheme, separator, rest = said.partition("://")
    if not separator:
        scheme, rest = "udp", said
    scheme = scheme.lower()
    if scheme not in _PACKET:
        raise _wrong(text, f"has the scheme {scheme!r}")
    if scheme.startswith("unix"):
        if not rest.startswith("/"):
            raise _wrong(text, "has no absolute path: three slashes begin one")
        return Address(scheme, path=rest)
    if rest.count(":") > 1 and not rest.startswith("["):  # an IPv6 address as it is usually written
        rest = f"[{rest}]"
    try:
        parts = urlsplit(f"//{rest}")
        host, port = parts.hostname or "", parts.port
        host.encode("idna")
    except ValueError:  # UnicodeError is one
        raise _wrong(text, "has a host or a port that cannot be") from None
    if not host or port == 0 or parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None:
        raise _wrong(text, "is not a host and a port")
    return Address(scheme, host, DEFAULT_PORT if port is None else port)


def _wrong(text: object, problem: str) -> DefinitionError:
    return DefinitionError(f"the StatsD address {text!r} {problem}: {_LIKE}")

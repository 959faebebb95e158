"""The way to an address: directly or through a proxy, in plain text or by TLS."""

from __future__ import annotations

import os
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

from polymeter.errors import DefinitionError
from polymeter.exporters.http.answer import HEAD_AND_BODY_LIMIT, Response, read_answer
from polymeter.exporters.http.line import dial
from polymeter.exporters.http.proxy import proxy_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polymeter.exporters.http.address import Address
    from polymeter.exporters.http.line import Line
    from polymeter.exporters.http.remaining import Remaining

__all__ = ["RefusedByProxyError", "Route", "Tls"]

Tls: TypeAlias = "ssl.SSLContext | str | os.PathLike[str]"
"""Whom to trust: a context, or the path of a PEM file with the certificates of authorities."""


class RefusedByProxyError(Exception):
    """The proxy answered, and will not let us through."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


class Route:
    """Opens lines to an address, and writes requests as they have to look on them.

    :ivar nearest: host and port of what is connected to.
    """

    def __init__(self, address: Address, tls: Tls | None) -> None:
        """Find the way.

        :raises DefinitionError: if ``tls`` has no use, or cannot be read; for a proxy that cannot be used.
        """
        self._address = address
        self._proxy = proxy_for(address)
        self._context = _context(address, tls)
        self.nearest = str(self._proxy or address)

    def open(self, remaining: Remaining) -> Line:
        """Connect.

        :raises OSError: if that fails.
        :raises RefusedByProxyError: if the proxy says no.
        """
        first = self._proxy or self._address
        line = dial(first.host, first.port, remaining)
        try:
            if self._context is not None:
                if self._proxy is not None:
                    self._tunnel(line, self._proxy, remaining)
                line.secure(self._context, self._address.host)
        except BaseException:
            line.close()
            raise
        return line

    def request(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
        """Give a whole request.

        :raises DefinitionError: for a path that cannot be sent.
        """
        target = self._address.target(path)
        fields = {"host": self._address.host_header, **headers}
        if body or method in {"POST", "PUT"}:
            fields["content-length"] = str(len(body))
        if self._proxy is not None and self._context is None:
            target = f"http://{self._address.host_header}{target}"
            fields |= _proxy_authorization(self._proxy)
        return _head(method, target, fields) + body

    def _tunnel(self, line: Line, proxy: Address, remaining: Remaining) -> None:
        line.begin(remaining, HEAD_AND_BODY_LIMIT)
        there = str(self._address)
        line.send(_head("CONNECT", there, {"host": there, **_proxy_authorization(proxy)}))
        response = read_answer(line, "CONNECT")
        if not response.is_success:
            raise RefusedByProxyError(response)


def _head(method: str, target: str, fields: Mapping[str, str]) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def _proxy_authorization(proxy: Address) -> dict[str, str]:
    return {"proxy-authorization": proxy.authorization} if proxy.authorization else {}


def _context(address: Address, tls: Tls | None) -> ssl.SSLContext | None:
    if not address.is_tls:
        if tls is not None:
            message = "tls= is of no use with a URL that starts with http://: did you mean https://?"
            raise DefinitionError(message)
        return None
    if isinstance(tls, ssl.SSLContext):
        return tls
    if tls is not None and not isinstance(tls, str | os.PathLike):
        message = f"tls has to be an ssl.SSLContext or the path of a PEM file, not a {type(tls).__name__}"
        raise DefinitionError(message)
    try:
        context = ssl.create_default_context(cafile=tls)
    except OSError as error:  # ssl.SSLError is one
        message = f"cannot read certificates from the file {tls!s}: {error}"
        raise DefinitionError(message) from error
    with suppress(NotImplementedError):  # an OpenSSL that cannot
        context.set_alpn_protocols(["http/1.1"])
    return context

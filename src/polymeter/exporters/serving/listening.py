"""A socket that listens, and what is said if it cannot be had."""

from __future__ import annotations

import errno
import os
import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, TypeAlias

from polymeter.errors import DefinitionError, PolymeterError

if TYPE_CHECKING:
    import ssl

__all__ = ["CannotServeError", "Tls", "is_loopback", "listener", "tls_context", "url_of"]

Tls: TypeAlias = "ssl.SSLContext | tuple[str | os.PathLike[str], str | os.PathLike[str]]"
"""A context of the server's side, or the paths of a certificate (with its chain) and its key, both PEM."""

_BACKLOG: Final = 256
_HIGHEST_PORT: Final = 65535


class CannotServeError(PolymeterError, OSError):
    """The address cannot be listened on; the message names it and what would do. ``errno`` says why."""

    def __init__(self, message: str, number: int | None = None) -> None:
        super().__init__(message)
        self.errno = number
        self.strerror = os.strerror(number) if number is not None and number > 0 else None

    def __str__(self) -> str:
        return str(self.args[0])

    def __reduce__(self) -> tuple[type[CannotServeError], tuple[str, int | None]]:
        return (type(self), (str(self), self.errno))


def listener(host: str, port: int) -> socket.socket:
    """Give a socket that listens and does not block.

    :raises DefinitionError: if ``host`` or ``port`` are none.
    :raises CannotServeError: if the address cannot be had.
    """
    if not isinstance(port, int) or isinstance(port, bool) or not 0 <= port <= _HIGHEST_PORT:
        message = f"port {port!r} is none: give a number from 1 to {_HIGHEST_PORT}, or 0 for a free one"
        raise DefinitionError(message)
    if not isinstance(host, str) or not host:
        message = (
            f"host {host!r} is none: give a name or an address; '127.0.0.1' is this machine, '0.0.0.0' all of them"
        )
        raise DefinitionError(message)
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        # The wildcard of IPv6 stands for all addresses there are.
        both = host == "::" and socket.has_dualstack_ipv6()
        listening = socket.create_server(address, family=family, backlog=_BACKLOG, dualstack_ipv6=both)
    except (OSError, UnicodeError) as error:
        raise _refusal(host, port, error) from error
    listening.settimeout(0)
    return listening


def _refusal(host: str, port: int, error: OSError | UnicodeError) -> CannotServeError:
    place = f"{host}:{port}" if ":" not in host else f"[{host}]:{port}"
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EADDRINUSE:
        said = f"port {port} is taken on {host}: choose another one, or port=0 for a free one (.port tells which)"
    elif number == errno.EACCES:
        said = f"port {port} on {host} needs more rights than this process has: choose one from 1024 on"
    else:
        said = f"{place} cannot be listened on ({error}): give an address of this machine, such as 127.0.0.1"
    return CannotServeError(f"cannot serve metrics: {said}", number)


def is_loopback(listening: socket.socket) -> bool:
    """Tell whether only this machine can reach it."""
    return ip_address(listening.getsockname()[0].partition("%")[0]).is_loopback


def url_of(listening: socket.socket, path: str, *, tls: bool) -> str:
    """Give the address as seen from this machine."""
    host, port = listening.getsockname()[:2]
    if ip_address(host.partition("%")[0]).is_unspecified:
        host = "127.0.0.1" if listening.family == socket.AF_INET else "::1"
    return f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}{path}"


def tls_context(tls: Tls) -> ssl.SSLContext:
    """Give the context to serve with.

    :raises DefinitionError: if ``tls`` gives none; the message names the file.
    """
    import ssl

    if isinstance(tls, ssl.SSLContext):
        if tls.protocol == ssl.PROTOCOL_TLS_CLIENT:
            message = "tls is a context of a client: make it with ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)"
            raise DefinitionError(message)
        return tls
    if not (isinstance(tls, tuple) and len(tls) == 2 and all(isinstance(each, str | os.PathLike) for each in tls)):  # noqa: PLR2004 - a pair
        message = "tls is neither an ssl.SSLContext nor a pair of paths: give (certfile, keyfile)"
        raise DefinitionError(message)
    certificate, key = (os.fspath(each) for each in tls)
    for path in (certificate, key):
        if not os.access(path, os.R_OK):
            message = f"tls: {path} cannot be read: give the paths of a certificate and of its key"
            raise DefinitionError(message)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # Never asked on a terminal: a key that needs a passphrase is refused.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ValueError) as error:
        message = (
            f"tls: {certificate} and {key} are no PEM certificate and its key, or the key needs a passphrase "
            "(then give an ssl.SSLContext)"
        )
        raise DefinitionError(message) from error
    return context

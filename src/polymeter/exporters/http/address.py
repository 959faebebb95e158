"""Where a URL points to, taken apart and checked once."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from polymeter.errors import DefinitionError

__all__ = ["Address", "address_of", "basic_auth"]

_PORTS: Final = {"http": 80, "https": 443}
_UNWANTED: Final = re.compile(r"[^!-~]")  # control characters, blanks and what is not ASCII


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of a URL. Its text is host and port alone: all else may be a secret.

    :ivar query: with its question mark, or empty.
    :ivar authorization: the header that user and password of the URL amount to, or empty.
    """

    scheme: str
    host: str
    port: int
    path: str = field(default="", repr=False)
    query: str = field(default="", repr=False)
    authorization: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"{self._bracketed}:{self.port}"

    @property
    def is_tls(self) -> bool:
        """Whether it is https."""
        return self.scheme == "https"

    @property
    def host_header(self) -> str:
        """The value of ``Host``: with the port only where it is not the usual one."""
        return self._bracketed if self.port == _PORTS[self.scheme] else str(self)

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine."""
        return self.host in {"localhost", "::1"} or re.fullmatch(r"127(\.\d+){3}", self.host) is not None

    def target(self, path: str) -> str:
        """Give what is asked for: ``path`` below that of the URL, with the query of the URL.

        :raises DefinitionError: for characters that a URL has to have percent-encoded.
        """
        if _UNWANTED.search(path) or (path and path[0] != "/"):
            message = "a path has to start with / and to be percent-encoded: ASCII without blanks"
            raise DefinitionError(message)
        whole = self.path.rstrip("/") + path if path else self.path or "/"
        return whole + self.query

    @property
    def _bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


def address_of(url: str, *, what: str = "URL") -> Address:
    """Take a URL apart.

    :param what: what it is to the reader of an error.
    :raises DefinitionError: if nothing can be sent there. The message does not quote the URL: it may hold a password.
    """
    problem = "is not one: expected text like http://localhost:9091"
    if isinstance(url, str):
        problem = ""
        if _UNWANTED.search(url):  # the standard library would silently take some of them out
            problem = "has blanks, line breaks or characters that are not ASCII: percent-encode them"
        elif not url.lower().startswith(("http://", "https://")):
            problem = "has to start with http:// or https://, as in http://localhost:9091"
    if problem:
        raise _wrong(what, problem)
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname or ""
        host.encode("idna")
    except ValueError:  # UnicodeError is one
        raise _wrong(
            what, "has a host or a port that cannot be: expected host:port, the port from 1 to 65535"
        ) from None
    if not host or port == 0:
        raise _wrong(what, "has no host, or 0 for its port: expected host:port, as in http://localhost:9091")
    if parts.fragment:
        raise _wrong(what, "has a part behind #, which is never sent: take it out, or write %23 for a # that is meant")
    return Address(
        scheme=parts.scheme,
        host=host,
        port=port or _PORTS[parts.scheme],
        path=parts.path,
        query=f"?{parts.query}" if parts.query else "",
        authorization=_authorization(parts),
    )


def basic_auth(user: str, password: str) -> str:
    """Give the value of ``Authorization`` for a user and a password, in UTF-8.

    :raises DefinitionError: for what no server would understand; it is not quoted.
    """
    if ":" in user or re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", user + password):
        message = (
            "a user name cannot have a colon, and neither it nor a password a line break or another control character "
            "(one that was read from a file often ends in a line break: strip it)"
        )
        raise DefinitionError(message)
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode("ascii")


def _authorization(parts: SplitResult) -> str:
    if parts.username is None and parts.password is None:
        return ""
    return basic_auth(unquote(parts.username or ""), unquote(parts.password or ""))


def _wrong(what: str, problem: str) -> DefinitionError:
    return DefinitionError(f"the {what} {problem}")

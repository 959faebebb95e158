"""The headers of every request, checked when they are given."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from polymeter.errors import DefinitionError
from polymeter.exporters.http.address import basic_auth

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["checked_headers", "common_headers"]

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\t -~\x80-\xff]*")
_OURS: Final = frozenset({"connection", "content-length", "content-type", "host", "te", "transfer-encoding", "upgrade"})


def common_headers(
    headers: Mapping[str, str] | None, auth: tuple[str, str] | None, authorization: str
) -> dict[str, str]:
    """Give what goes with every request, names in lower case.

    :param auth: user and password.
    :param authorization: what the URL says about them.
    :raises DefinitionError: for a header that cannot be sent, and for credentials that are given twice.
    """
    common = {"user-agent": _user_agent(), "accept-encoding": "identity", **checked_headers(headers)}
    if (auth is not None) + bool(authorization) + ("authorization" in common) > 1:
        message = "credentials are given twice: by auth=, in the URL, or as an Authorization header; give one of them"
        raise DefinitionError(message)
    if auth is not None:
        if not isinstance(auth, tuple) or len(auth) != 2 or not all(isinstance(part, str) for part in auth):  # noqa: PLR2004
            message = 'auth has to be (user, password); for a token give headers={"Authorization": "Bearer ..."}'
            raise DefinitionError(message)
        authorization = basic_auth(*auth)
    if authorization:
        common["authorization"] = authorization
    return common


def checked_headers(headers: Mapping[str, str] | None) -> dict[str, str]:
    """Give headers with their names in lower case.

    :raises DefinitionError: for one that cannot be sent, and for those that the transport sets. No value is quoted.
    """
    checked: dict[str, str] = {}
    for name, value in (headers or {}).items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            message = f"the header {name!r} has no name that can be sent: use letters, digits and -"
            raise DefinitionError(message)
        if name.lower() in _OURS:
            message = f"the header {name!r} is set by the transport itself: leave it out"
            raise DefinitionError(message)
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            message = (
                f"the value of the header {name!r} cannot be sent: it has to be Latin-1 text without a line break "
                "(a token that was read from a file often ends in one: strip it)"
            )
            raise DefinitionError(message)
        checked[name.lower()] = value
    return checked


@cache
def _user_agent() -> str:
    from importlib.metadata import PackageNotFoundError, version  # only where something is sent

    try:
        return f"polymeter/{version('polymeter')}"
    except PackageNotFoundError:  # the package was copied, not installed
        return "polymeter"

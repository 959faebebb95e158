"""Who may read the metrics: whoever knows a token, or a name and a password."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Final, TypeAlias

from polymeter.errors import DefinitionError

__all__ = ["Basic", "Bearer", "Credential", "checked"]


class Bearer:
    """A token, sent as ``Authorization: Bearer TOKEN``."""

    __slots__ = ("_token",)

    challenge: Final = 'Bearer realm="metrics"'

    def __init__(self, token: str) -> None:
        """:param token: of visible ASCII characters.

        :raises DefinitionError: if it is something else, or empty; the message does not quote it.
        """
        self._token = _secret(token, "the token of Bearer")
        if not token.isascii() or any(character <= " " or character == "\x7f" for character in token):
            message = (
                "the token of Bearer has characters that no header carries, white space for instance: "
                "strip() what was read from a file"
            )
            raise DefinitionError(message)

    def admits(self, authorization: str) -> bool:
        """Tell whether an ``Authorization`` header (bytes as Latin-1) is this one."""
        return hmac.compare_digest(_given("bearer", authorization), self._token)

    def __repr__(self) -> str:
        return "Bearer(...)"


class Basic:
    """A user's name and password, sent as ``Authorization: Basic BASE64``; UTF-8."""

    __slots__ = ("_pair",)

    challenge: Final = 'Basic realm="metrics", charset="UTF-8"'

    def __init__(self, user: str, password: str) -> None:
        """:param user: without a colon.

        :raises DefinitionError: if it has one, or if one of the two is empty; the message quotes neither.
        """
        self._pair = _secret(user, "the user of Basic") + b":" + _secret(password, "the password of Basic")
        if ":" in user:
            message = "the user of Basic has a colon in it, which ends the name when it is sent: leave it out"
            raise DefinitionError(message)

    def admits(self, authorization: str) -> bool:
        """Tell whether an ``Authorization`` header (bytes as Latin-1) is this one."""
        try:
            pair = base64.b64decode(_given("basic", authorization), validate=True)
        except binascii.Error:
            return False
        return hmac.compare_digest(pair, self._pair)

    def __repr__(self) -> str:
        return "Basic(...)"


Credential: TypeAlias = Bearer | Basic


def checked(auth: Credential | None) -> Credential | None:
    """Give ``auth`` back.

    :raises DefinitionError: if it is neither ``None`` nor one of ours; the message does not quote it.
    """
    if auth is None or isinstance(auth, Bearer | Basic):
        return auth
    message = f"auth is a {type(auth).__name__}: give Bearer(token), Basic(user, password), or None for everybody"
    raise DefinitionError(message)


def _secret(text: str, what: str) -> bytes:
    if not isinstance(text, str) or not text:
        message = f"{what} is {'empty' if text == '' else f'a {type(text).__name__}'}: give a text that is not empty"
        raise DefinitionError(message)
    try:
        return text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        message = f"{what} has characters that cannot be sent as UTF-8"
    raise DefinitionError(message)


def _given(scheme: str, authorization: str) -> bytes:
    """Give what follows the scheme; nothing, if it is another one."""
    given, _, secret = authorization.partition(" ")
    return secret.strip().encode("latin-1", "replace") if given.lower() == scheme else b""

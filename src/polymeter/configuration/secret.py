"""Values that must not be shown."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any, Final

from polymeter.configuration.shapes import is_mapping, is_series

__all__ = ["Secret", "has_secrets", "is_secret", "masked", "revealed", "shown", "without_login"]

_NAMES: Final = re.compile(
    r"token|secret|passw|passphrase|pwd|credential|auth|bearer|private|cookie|header|dsn|(?:^|_|api|access)key$",
    re.IGNORECASE,
)
_USER: Final = re.compile(r"(?<=://)[^/@\s]+@")
_QUERY: Final = re.compile(r"""(://[^\s?#'"]*)\?[^\s#'"]+""")
_MASK: Final = "***"


class Secret:
    """A value that is shown nowhere."""

    __slots__ = ("_inner", "_origin", "_value")

    def __init__(self, value: object, origin: str = "", inner: object = None) -> None:
        """Keep it.

        :param origin: where it comes from; may be shown.
        :param inner: what an object was made of.
        """
        self._value = value
        self._inner = value if inner is None else inner
        self._origin = origin

    def reveal(self) -> Any:
        """Give the value."""
        return self._value

    def texts(self) -> set[str]:
        """Give what must not be in any text."""
        found = _texts(self._inner) or {each for each in _flat(self._inner) if each}
        return found | {repr(each)[1:-1] for each in found}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(repr(self._value))

    def __repr__(self) -> str:
        return f"{_MASK} (from {self._origin})" if self._origin else _MASK

    def __reduce__(self) -> tuple[object, ...]:
        message = "a Secret is not written anywhere, so it cannot be pickled"
        raise TypeError(message)


def is_secret(name: str) -> bool:
    """Tell whether an option is called like something that must not be shown."""
    return _NAMES.search(name) is not None


def revealed(value: Any) -> Any:
    """Give a value, and what is in it, as it is needed."""
    if isinstance(value, Secret):
        return revealed(value.reveal())
    if is_mapping(value):
        return {key: revealed(inner) for key, inner in value.items()}
    if is_series(value):
        kind: Any = type(value)
        return kind(map(revealed, value))
    return value


def shown(value: Any) -> str:
    """Write a value for humans, without what must not be shown."""
    if is_mapping(value):
        pairs = ", ".join(f"{key} = {shown(inner)}" for key, inner in value.items())
        return f"{{{pairs}}}"
    if is_series(value):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, PurePath):
        value = str(value)
    if isinstance(value, bool):
        return str(value).lower()
    if callable(value):
        return f"{getattr(value, '__module__', '?')}:{getattr(value, '__qualname__', type(value).__qualname__)}"
    name = getattr(value, "name", None)  # of a logger, a stream
    return without_login(repr(name if isinstance(name, str) else value))


def masked(text: str, value: Any) -> str:
    """Give a text without the secrets in ``value``, and without what logs in to an address."""
    for secret in sorted(_texts(value), key=len, reverse=True):
        text = text.replace(secret, _MASK)
    return without_login(text)


def has_secrets(value: Any) -> bool:
    """Tell whether there is a secret in a value."""
    return bool(_texts(value))


def _texts(value: Any) -> set[str]:
    """Give the texts of all secrets in a value."""
    if isinstance(value, Secret):
        return value.texts()
    if is_mapping(value):
        return {text for inner in value.values() for text in _texts(inner)}
    if is_series(value):
        return {text for inner in value for text in _texts(inner)}
    return set()


def _flat(value: Any) -> list[str]:
    if is_mapping(value):
        return [text for inner in value.values() for text in _flat(inner)]
    if is_series(value):
        return [text for inner in value for text in _flat(inner)]
    return [] if isinstance(value, bool) else [str(value)]


def without_login(text: str) -> str:
    """Give a text without what logs in to an address, and without what is asked of it."""
    return _QUERY.sub(rf"\1?{_MASK}", _USER.sub(f"{_MASK}@", text))

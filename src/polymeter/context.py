"""Context tags: tags of everything that is recorded while a block runs, for the metrics that ask for them."""

from __future__ import annotations

from contextlib import suppress
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from polymeter.data.tags import Tags, canonical_text
from polymeter.errors import InvalidTagsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextvars import Token
    from enum import Enum
    from types import TracebackType

    from polymeter.data.tags import TagsLike, TagValue

__all__ = ["context_tags", "texts_of_context"]

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_texts: Final[ContextVar[Mapping[str, Any]]] = ContextVar("polymeter_context_tags", default=_NOTHING)

texts_of_context: Final = _texts.get
"""Give the tags of this context: name -> text. In the place of a value that no tag can have is a thing that is none."""


class context_tags:  # noqa: N801 - reads as a verb: with context_tags(tenant="x"):
    """Give tags to what is recorded in a block: ``with context_tags(tenant="acme"):``.

    They hold in this thread or task, and in the tasks that it starts, for metrics whose registry has a
    :class:`~polymeter.registries.filters.ContextTags` filter that allows them; for all others they cost nothing and
    change nothing. Blocks nest: the inner value holds. A tag that a record has itself wins.

    Values become text, as in :class:`~polymeter.data.tags.Tags`. One that no tag can have does not raise here, in the
    middle of the host's work: records that would get it are counted as invalid, reason ``tags``.
    """

    __slots__ = ("_given", "_tokens")

    def __init__(self, tags: TagsLike | None = None, /, **more: TagValue | Enum | None) -> None:
        """Note the tags; those whose names are no names of Python's go into a mapping.

        :raises InvalidTagsError: for what is no mapping, or a name that is not a non-empty ``str``.
        """
        try:
            given: dict[str, Any] = {**(tags or {}), **more}
        except TypeError:
            message = f"context_tags({tags!r}): use context_tags(tenant='acme') or a mapping of names to values"
            raise InvalidTagsError(message) from None
        Tags(dict.fromkeys(given))  # checks the names
        self._given = {name: _text_of(name, value) for name, value in given.items()}
        self._tokens: list[Token[Mapping[str, Any]]] = []

    def __enter__(self) -> None:
        self._tokens.append(_texts.set({**_texts.get(), **self._given}))

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with suppress(ValueError):  # a generator that is closed in another context than it began in
            _texts.reset(self._tokens.pop())


class _Unusable:
    """Stands for a value that no tag can have; it can be looked up, and is refused where a tag is made of it."""

    __slots__ = ()


_UNUSABLE: Final = _Unusable()


def _text_of(name: str, value: object) -> object:
    try:
        return canonical_text(name, value)
    except Exception:  # noqa: BLE001 - or an enum that raises when looked at
        return _UNUSABLE

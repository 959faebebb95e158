"""Exposition: an answer to one scrape, made while it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Exposition"]


class Exposition:
    """The body of one answer, in slices; their concatenation is the body.

    Nothing is read before the first slice is asked for. That one has the state read, at once, so that all of the body
    is of one moment; it is empty. Each of the others is about a millisecond's work, and may be empty too: what sends
    in chunks has to leave those out.

    :ivar content_type: the ``Content-Type`` of the answer.
    """

    def __init__(self, content_type: str, slices: Callable[[], Iterator[bytes]]) -> None:
        self.content_type = content_type
        self._slices = slices

    def __iter__(self) -> Iterator[bytes]:
        """Begin a body. Another one begins anew, with what the state is then."""
        return self._slices()

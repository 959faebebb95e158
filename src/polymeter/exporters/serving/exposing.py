"""What can be served: the only thing that serving knows about rendering."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from polymeter.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["CanExpose", "Exposed", "checked"]


class Exposed(Protocol):
    """The metrics of one moment, about to be rendered in one format."""

    @property
    def content_type(self) -> str:
        """The format, as a ``Content-Type``."""
        ...

    def __iter__(self) -> Iterator[bytes]:
        """Render slice by slice, a millisecond or two of work each. Nothing is read before the first is asked for."""
        ...


class CanExpose(Protocol):
    """Renders metrics in the format that was asked for."""

    def exposition(self, accept: str = "", *, names: Iterable[str] = ()) -> Exposed:
        """Give what is to be rendered.

        :param accept: an ``Accept`` header; one that makes no sense gets the oldest format.
        :param names: of the series to show; none: all.
        """
        ...


def checked(exposer: CanExpose) -> CanExpose:
    """Give ``exposer`` back.

    :raises DefinitionError: if it has no ``exposition()``.
    """
    if callable(getattr(exposer, "exposition", None)):
        return exposer
    message = f"{type(exposer).__name__} has no exposition() and cannot be served: give a PrometheusExporter"
    raise DefinitionError(message)

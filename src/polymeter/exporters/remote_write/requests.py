"""Requests: groups of series, so many that a receiver takes them at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from polymeter.exporters.remote_write.encoding import Encoding
    from polymeter.exporters.remote_write.writer import Group

__all__ = ["Request", "requests"]

SERIES: Final = 2_000
"""Series that end a request; the series of one metric are not parted."""
BYTES: Final = 2_000_000
"""Bytes, before they are compressed, that end one."""


class Request(NamedTuple):
    """One request.

    :ivar body: not compressed.
    """

    body: bytes
    groups: list[Group]

    @property
    def series(self) -> int:
        """How many series it has, each with one sample."""
        return sum(group.series for group in self.groups)


def requests(groups: Iterable[Group | None], encoding: Encoding) -> Iterator[Request]:
    """Give requests, each before the groups of the next are asked for."""
    some: list[Group] = []
    series = size = 0
    for group in groups:
        if group is None:
            continue
        some.append(group)
        series += group.series
        size += len(group.fields)
        if series >= SERIES or size >= BYTES:
            yield Request(encoding.request(each.fields for each in some), some)
            some = []
            series = size = 0
    if some:
        yield Request(encoding.request(each.fields for each in some), some)

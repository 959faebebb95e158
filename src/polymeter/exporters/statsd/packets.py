"""Lines packed into packets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["packed"]


def packed(lines: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Give as many lines in a packet as there is room for, in their order; a line that is longer has one of its own.

    :param limit: bytes.
    """
    packet: list[bytes] = []
    size = 0
    for line in lines:
        if packet and size + len(line) > limit:
            yield b"\n".join(packet)
            packet, size = [], 0
        packet.append(line)
        size += len(line) + 1
    if packet:
        yield b"\n".join(packet)

"""What is in a file of the spool: one snapshot, in frames.

A header, the definitions, the series, and the header once more: without one nothing of the file counts. A frame that is
damaged costs one series, and the header says how many there should be.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from polymeter.data.kind import Kind
from polymeter.data.packing import Identity, pack_identity, pack_state, types_of, unpack_state
from polymeter.data.records import definition_bytes, definition_of, joined, parted
from polymeter.data.snapshot import Snapshot
from polymeter.data.tags import Tags
from polymeter.frames import Reading, frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polymeter.data.definition import MetricDefinition
    from polymeter.data.metric import Metric

__all__ = ["VERSION", "Content", "DamagedError", "ForeignVersionError", "Heads", "packed", "unpacked"]

VERSION: Final = 1

_HEADER: Final = 1
_DEFINITION: Final = 2
_SERIES: Final = 3

_MOST_HEADS: Final = 50_000


class DamagedError(Exception):
    """Nothing of it can be read."""


class ForeignVersionError(Exception):
    """Another version of Polymeter has written it, in another format."""


@dataclass(frozen=True, slots=True)
class Content:
    """What was read.

    :ivar snapshot: the series that are whole; each is as it was when it was written.
    :ivar missing: how many are not.
    :ivar identity: what told the process apart that wrote it; empty where nothing does.
    """

    snapshot: Snapshot
    missing: int
    identity: Mapping[str, str]


class Heads(dict[tuple[Kind, str, Tags, str], bytes]):
    """What is packed of a series that never changes, for a process that packs the same ones again and again."""

    def of(self, metric: Metric) -> bytes:
        """Give the record of a series up to its state."""
        key = (metric.kind, metric.name, metric.tags, metric.unit.symbol)
        known = self.get(key)
        if known is None:
            if len(self) >= _MOST_HEADS:
                self.clear()
            identity = pack_identity(metric.kind, metric.name, metric.tags, metric.unit)
            known = self[key] = joined(identity, types_of(metric.tags), b"")
        return known


def packed(snapshot: Snapshot, identity: Mapping[str, str] = MappingProxyType({}), heads: Heads | None = None) -> bytes:
    """Give the bytes of a snapshot, with what it says of times, resource and writer, and without what others recorded.

    :param identity: what tells this process apart at the back end.
    :param heads: of series that were packed before.
    :raises Exception: for numbers that have no place in the format (more than 2^64 observations).
    """
    head_of = (Heads() if heads is None else heads).of
    series = [frame(_SERIES, head_of(metric) + pack_state(metric)) for metric in snapshot]
    said = {
        "version": VERSION,
        "series": len(series),
        "taken_at": snapshot.taken_at,
        "writer": snapshot.writer,
        "epoch": snapshot.epoch,
        "resource": snapshot.resource.canonical,
        "types": types_of(snapshot.resource),
        "identity": dict(identity),
    }
    header = frame(_HEADER, json.dumps(said, separators=(",", ":")).encode())
    definitions = [frame(_DEFINITION, definition_bytes(each)) for each in snapshot.definitions.values()]
    return b"".join([header, *definitions, *series, header])


def unpacked(data: bytes) -> Content:
    """Give the snapshot of a file; whatever the bytes are, there is nothing in it but values.

    :raises ForeignVersionError: if it has to be left to another version.
    :raises DamagedError: if nothing can be made of it.
    """
    reader = _Reader()
    Reading().feed(data, reader.take)
    return reader.content()


class _Reader:
    """Takes the frames of one file."""

    def __init__(self) -> None:
        self._header: dict[str, Any] = {}
        self._definitions: dict[str, MetricDefinition] = {}
        self._metrics: list[Metric] = []

    def take(self, body: bytes) -> None:
        """Take one: what it is, and its content."""
        what, rest = body[0], body[1:]
        try:
            if what == _SERIES:
                identity, types, state = parted(rest, 0)
                self._metrics.append(unpack_state(Identity(identity, rest[types:state].decode()), rest, state))
            elif what == _DEFINITION:
                definition = definition_of(rest)
                self._definitions[definition.name] = definition
            elif what == _HEADER:
                self._header = json.loads(rest)
        except Exception:  # noqa: BLE001 - good bytes of bad sense: a series that is missing
            return

    def content(self) -> Content:
        """Give all of it."""
        try:
            return self._content()
        except ForeignVersionError:
            raise
        except Exception as error:
            raise DamagedError from error

    def _content(self) -> Content:
        header = self._header
        if header["version"] != VERSION:
            raise ForeignVersionError
        resource = Identity(json.dumps(["counter", "resource", "", header["resource"]]).encode(), header["types"]).tags
        snapshot = Snapshot(
            self._metrics,
            definitions=self._definitions,
            resource=resource,
            taken_at=float(header["taken_at"]),
            writer=str(header["writer"]),
            epoch=int(header["epoch"]),
        )
        missing = int(header["series"]) - len(snapshot)
        if missing and not len(snapshot):
            raise DamagedError
        return Content(snapshot, missing, {str(name): str(said) for name, said in header["identity"].items()})

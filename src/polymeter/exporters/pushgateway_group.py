"""The group of a Pushgateway: which metrics are replaced together, and the labels that all of them get."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from polymeter.data.snapshot import Snapshot
from polymeter.data.tags import Tags, canonical_text
from polymeter.errors import DefinitionError, InvalidTagsError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polymeter.data.metric import Metric
    from polymeter.data.tags import TagsLike

__all__ = ["Group"]

_LABEL: Final = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")
_RESERVED: Final = frozenset({"job", "le", "quantile"})
_NOT_IN_A_PATH: Final = re.compile(r"|\.\.?|.*[/\s].*", re.DOTALL)  # as they are, servers take such parts away


class Group:
    """A job, and labels that tell one pusher of it from another.

    :ivar path: where the group is, below the URL of the gateway.
    """

    def __init__(self, job: str, grouping: TagsLike | None) -> None:
        """Name a group.

        :raises DefinitionError: for a job without a name, and for names that cannot be labels.
        """
        if not isinstance(job, str) or not job:
            message = f"a Pushgateway needs the name of a job, not {job!r}"
            raise DefinitionError(message)
        job = canonical_text("job", job)
        try:
            labels = Tags.of(grouping).canonical
        except InvalidTagsError as error:
            message = f"the grouping of a Pushgateway cannot be: {error}"
            raise DefinitionError(message) from error
        for name, _ in labels:
            if not _LABEL.fullmatch(name) or name in _RESERVED:
                message = (
                    f"{name!r} cannot be a grouping label of a Pushgateway: use letters, digits and _, no __ in front, "
                    f"and none of {', '.join(sorted(_RESERVED))}"
                )
                raise DefinitionError(message)
        self.path: Final = "/metrics" + "".join(_part(name, value) for name, value in (("job", job), *labels))
        self._names = frozenset({"job", *(name for name, _ in labels)})

    def without_clashes(self, metrics: Iterable[Metric]) -> Snapshot:
        """Give the metrics, with each tag that has the name of a label of the group as ``exported_NAME``.

        The gateway would overwrite it, without a word or, where two series become one, with status 400. The new name is
        the one that Prometheus itself gives to such a label.
        """
        snapshot = Snapshot.of(metrics)
        if not any(self._clashing(tags) for tags in (snapshot.resource, *(metric.tags for metric in snapshot))):
            return snapshot
        return Snapshot(
            [metric.retagged(self._renamed(metric.tags)) for metric in snapshot],
            definitions=snapshot.definitions,
            resource=self._renamed(snapshot.resource),
            taken_at=snapshot.taken_at,
            writer=snapshot.writer,
            epoch=snapshot.epoch,
        )

    def _clashing(self, tags: Tags) -> list[str]:
        return [name for name in tags if _label(name) in self._names]

    def _renamed(self, tags: Tags) -> Tags:
        for name in self._clashing(tags):
            new = f"exported_{name}"
            while tags.has(new) or _label(new) in self._names:
                new = f"exported_{new}"
            tags = tags.without(name).with_(new, tags[name])
        return tags


@lru_cache(maxsize=4096)
def _label(tag: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_]", "_", tag)


def _part(name: str, value: str) -> str:
    if _NOT_IN_A_PATH.fullmatch(value):
        return f"/{name}@base64/{urlsafe_b64encode(value.encode()).decode('ascii') or '='}"
    return f"/{name}/{quote(value, safe='')}"

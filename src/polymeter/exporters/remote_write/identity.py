"""Who sends: the labels that a Prometheus which scrapes would put to every series."""

from __future__ import annotations

import os
import platform
import re
from typing import TYPE_CHECKING, Final

from polymeter.data.tags import Tags, canonical_text
from polymeter.errors import DefinitionError, InvalidTagsError
from polymeter.exporters.prometheus.escaping import Escaping
from polymeter.exporters.prometheus.naming import Labels, Naming
from polymeter.resource import instance_id, service_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from polymeter.data.tags import TagsLike

__all__ = ["Identity", "KnownIdentity", "SentNaming"]

_LABEL: Final = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")
_RESERVED: Final = frozenset({"job", "instance", "le", "quantile"})
_PLACE: Final = re.compile(r"\{(\w*)\}")
_PLACES: Final[dict[str, Callable[[], str]]] = {
    "id": instance_id,
    "host": lambda: platform.node() or "unknown",
    "pid": lambda: str(os.getpid()),
}


class Identity:
    """The labels ``job`` and ``instance``, and others that are the same for all series.

    :ivar names: of all of these.
    """

    def __init__(self, job: str | None, instance: str, labels: TagsLike | None) -> None:
        """Check and keep.

        :param instance: may have ``{id}``, ``{host}`` and ``{pid}`` in it.
        :raises DefinitionError: for what cannot be a label, or tells nobody from another.
        """
        self._job = None if job is None else _text("job", job)
        self._instance = _text("instance", instance)
        for place in _PLACE.findall(self._instance):
            if place not in _PLACES:
                message = f"instance={instance!r}: there is no {{{place}}}, only {{id}}, {{host}} and {{pid}}"
                raise DefinitionError(message)
        self._labels = _checked(labels)
        self.names: Final = frozenset({"job", "instance", *(name for name, _ in self._labels)})

    def labels(self, resource: Tags) -> Labels:
        """Give the labels of this process, sorted by name: another one after a fork.

        :param resource: says the job where none was given: ``service.namespace/service.name``.
        """
        instance = _PLACE.sub(lambda found: _PLACES[found[1]](), self._instance)
        job = self._job or _job_of(resource)
        return tuple(sorted((("job", job), ("instance", instance), *self._labels)))


class KnownIdentity:
    """The labels of another process, as it has left them.

    :ivar names: of all of these.
    """

    def __init__(self, labels: Mapping[str, str]) -> None:
        self.names: Final = frozenset(labels)
        self._labels = tuple(sorted(labels.items()))

    def labels(self, _: Tags) -> Labels:
        """Give the labels of that process, sorted by name."""
        return self._labels


class SentNaming(Naming):
    """The names of Prometheus, where a tag that has the name of a label of the sender is ``exported_NAME``.

    That is what a Prometheus which scrapes makes of it.
    """

    def __init__(self, taken: frozenset[str], *, utf8_names: bool) -> None:
        """:param taken: the labels of the sender."""
        super().__init__(Escaping.ALLOW_UTF_8 if utf8_names else Escaping.UNDERSCORES, is_dotted=utf8_names)
        self._taken = taken

    def label(self, tag: str) -> str:
        """Give the label of a tag."""
        label = super().label(tag)
        while label in self._taken:
            label = f"exported_{label}"
        return label


def _text(what: str, given: object) -> str:
    if not isinstance(given, str) or not given:
        message = f"{what}={given!r}: remote write needs a text there, which tells this sender from others"
        raise DefinitionError(message)
    return canonical_text(what, given)


def _checked(labels: TagsLike | None) -> Labels:
    try:
        checked = Tags.of(labels).canonical
    except InvalidTagsError as error:
        message = f"the labels of remote write cannot be: {error}"
        raise DefinitionError(message) from error
    for name, text in checked:
        if not _LABEL.fullmatch(name) or name in _RESERVED or not text:
            message = (
                f"labels: {name!r} cannot be a label of every series: use letters, digits and _, no __ in front, none "
                f"of {', '.join(sorted(_RESERVED))} (job= and instance= are parameters), and a text that is not empty"
            )
            raise DefinitionError(message)
    return tuple(checked)


def _job_of(resource: Tags) -> str:
    said = dict(resource.canonical)
    name = said.get("service.name") or _service_of_environment()
    namespace = said.get("service.namespace")
    return f"{namespace}/{name}" if namespace else name


def _service_of_environment() -> str:
    return service_of(os.environ, lambda _: None)["service.name"]

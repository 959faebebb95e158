"""Configuration: everything that was said, checked; it builds the facade."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self, TypeVar

from polymeter.configuration.documents import Document, found, read_document
from polymeter.configuration.part import Part
from polymeter.configuration.reading import ROOMS, Reading
from polymeter.configuration.rooms import REGISTRIES
from polymeter.configuration.secret import shown
from polymeter.configuration.triggers import Triggers
from polymeter.configuration.variables import CONFIG, DISABLED, is_disabled, laid_over
from polymeter.data.tags import Tags
from polymeter.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Configuration"]

MetricsT = TypeVar("MetricsT")


def _default_registry() -> Part:
    return Part("aggregating", "aggregating", REGISTRIES.find("aggregating"))


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What a file and the environment say, checked and immutable. Nothing is made or wired before :meth:`build`.

    :ivar origins: the file and the variables that it comes from.
    :ivar is_disabled: whether nothing is to be wired.
    :ivar resource: tags of everything: exported once, not per series. ``service_name`` is ``service.name`` in here.
    :ivar registry: what remembers.
    :ivar triggers: when exports run.
    """

    origins: tuple[str, ...] = field(default=(), compare=False)
    is_disabled: bool = False
    resource: Tags = field(default_factory=Tags.empty)
    registry: Part = field(default_factory=_default_registry)
    triggers: Triggers = field(default_factory=Triggers)
    exporters: tuple[Part, ...] = ()
    collectors: tuple[Part, ...] = ()
    sources: tuple[Part, ...] = ()

    @classmethod
    def from_file(cls, path: str | os.PathLike[str] | None = None) -> Self:
        """Read a file; of the environment only the switch ``POLYMETER_DISABLED`` and what the file refers to.

        :param path: TOML or JSON; a ``pyproject.toml`` for its ``[tool.polymeter]``. Default: the nearest
            ``polymeter.toml`` or ``pyproject.toml`` with such a table, from the working directory upwards.
        :raises DefinitionError: if there is none, or for everything that is wrong with it.
        """
        if is_disabled(os.environ):
            return cls(origins=(DISABLED,), is_disabled=True)
        document = found() if path is None else read_document(path)
        if document is None:
            message = f"no polymeter.toml and no [tool.polymeter] from {os.getcwd()} upwards: write one, or give a path"  # noqa: PTH109 - a text
            raise DefinitionError(message)
        return cls._read(document, os.environ)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None, path: str | os.PathLike[str] | None = None) -> Self:
        """Read the file that ``POLYMETER_CONFIG`` names, else the nearest one, if any; then ``POLYMETER_*`` over it.

        :param environ: default: that of the process.
        :param path: the file, whatever ``POLYMETER_CONFIG`` says.
        :raises DefinitionError: for everything that is wrong.
        """
        environ = os.environ if environ is None else environ
        if is_disabled(environ):
            return cls(origins=(DISABLED,), is_disabled=True)
        named = path or environ.get(CONFIG, "").strip()
        try:
            document = read_document(named) if named else found()
        except DefinitionError as error:
            if path or not named:
                raise
            message = f"{CONFIG}: {error}"
            raise DefinitionError(message) from None
        return cls._read(laid_over(document or Document("the environment", {}), environ), environ)

    @classmethod
    def of(cls, table: Mapping[str, Any], origin: str = "the configuration") -> Self:
        """Read a mapping that says what a file would.

        :param origin: what to call it in messages.
        :raises DefinitionError: for everything that is wrong with it.
        """
        return cls._read(Document(origin, dict(table)), os.environ)

    @classmethod
    def _read(cls, document: Document, environ: Mapping[str, str]) -> Self:
        reading = Reading(document.origin, document.table, environ)
        reading.refuse_unknown_keys()
        resource = reading.resource()
        configuration = cls(
            origins=(document.origin, *document.variables),
            is_disabled=reading.disabled(),
            resource=resource,
            registry=reading.registry(resource),
            triggers=reading.triggers(),
            **{section: reading.parts(section) for section in ROOMS},
        )
        reading.problems.raise_them()
        return configuration

    def build(self, make: Callable[..., MetricsT], *, is_passive: bool = False) -> MetricsT:
        """Make a facade and wire it.

        :param make: the facade's class.
        :param is_passive: leave out all that acts by itself: sources, servers and triggers.
        :raises DefinitionError: if something does not take its options, or cannot work here.
        :raises MissingExtraError: if something needs a library that is absent.
        """
        from polymeter.configuration.wiring import wired

        return wired(self, make, is_passive=is_passive)

    def __str__(self) -> str:
        """Give everything for humans, without secrets."""
        lines = [f"from {', '.join(self.origins)}"] if self.origins else []
        if self.is_disabled:
            return "\n".join([*lines, "disabled: nothing is wired"])
        tags = self.resource.to_dict()
        lines += ["resource", *(f"  {key} = {shown(value)}" for key, value in tags.items())] if tags else []
        lines += ["registry", *_indented(str(self.registry))]
        for section in ROOMS:
            parts: tuple[Part, ...] = getattr(self, section)
            lines += [
                section if parts else f"{section}: none",
                *(line for part in parts for line in _indented(str(part))),
            ]
        said = [f"  {name} = {shown(value)}" for name, value in self.triggers]
        if self.triggers.at_exit is None and self.exporters:
            said.append("  at_exit = true")
        lines += ["triggers", *said] if said else ["triggers: none"]
        return "\n".join(lines)


def _indented(text: str) -> list[str]:
    return [f"  {line}" for line in text.splitlines()]

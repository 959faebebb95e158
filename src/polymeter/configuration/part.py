"""Part: one thing that a configuration asks for, with its options, checked but not made yet."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from polymeter.configuration.options import options_of
from polymeter.configuration.secret import masked, revealed, shown
from polymeter.errors import DefinitionError, MissingExtraError, PolymeterError

if TYPE_CHECKING:
    from collections.abc import Mapping


__all__ = ["Part", "explained"]


@dataclass(frozen=True, repr=False)
class Part:
    """A registry, a collector, a source or an exporter.

    :ivar name: the key of its table.
    :ivar use: what it is: a short name, or ``package.module:name``.
    :ivar make_of: what is called with the options; a thing that cannot be called stands for itself.
    :ivar options: what it is called with; what must not be shown is a :class:`~polymeter.configuration.Secret`.
    :ivar wiring: how it is wired, where there is a choice.
    :ivar serve: the options of its ``serve``; ``None`` for not serving.
    :ivar place: where it is said, for messages.
    """

    name: str
    use: str
    make_of: Any
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    wiring: Mapping[str, Any] = field(default_factory=dict[str, Any])
    serve: Mapping[str, Any] | None = None
    place: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", MappingProxyType(dict(self.options)))
        object.__setattr__(self, "wiring", MappingProxyType(dict(self.wiring)))
        if self.serve is not None:
            object.__setattr__(self, "serve", MappingProxyType(dict(self.serve)))

    def make(self, **more: Any) -> Any:
        """Make it.

        :param more: options that are said elsewhere.
        :raises DefinitionError: if it does not take what was said.
        :raises MissingExtraError: if it needs a library that is absent.
        """
        if not callable(self.make_of):
            return self.make_of
        options = revealed({**self.options, **more})
        problem: Exception
        try:
            return options_of(self.make_of).call(self.make_of, options)
        except Exception as error:  # noqa: BLE001 - it may be of the user's own make
            problem = explained(error, self.place, self.options)
        raise problem  # not in there: what it is about may have said a secret

    def __repr__(self) -> str:
        given = {**self.options, **self.wiring, **({} if self.serve is None else {"serve": self.serve})}
        return f"<Part {self.name} {shown(given)}>"

    def __str__(self) -> str:
        is_plain = self.name == self.use or self.name == self.use.replace("-", "_")
        lines = [self.name if is_plain else f"{self.name} ({self.use})"]
        lines += [f"  {key} = {shown(value)}" for key, value in {**self.options, **self.wiring}.items()]
        if self.serve is not None:
            lines += ["  serve", *(f"    {key} = {shown(value)}" for key, value in self.serve.items())]
        return "\n".join(lines)


def explained(error: Exception, place: str, options: Any) -> Exception:
    """Give an error that says where in the configuration its reason is, and no secret."""
    text = masked(str(error), options)
    if isinstance(error, MissingExtraError):
        return MissingExtraError(f"{place}: {text}")
    if isinstance(error, PolymeterError | OSError):
        return DefinitionError(f"{place}: {text}")
    # Where, since the error itself, which may say a secret, is not passed on.
    last = traceback.extract_tb(error.__traceback__)[-1]
    return DefinitionError(f"{place}: {type(error).__qualname__} at {last.filename}:{last.lineno}: {text}")

"""Put a wrapper around a method of somebody else's class, and leave the class as it was found."""

from __future__ import annotations

import functools
import logging
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, cast

from polymeter.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Hooks", "patch_all", "patch_method"]

_log: Final = logging.getLogger(__name__)
_ABSENT: Final = object()

# Wrappers of ours that had to stay because somebody wrapped them, with what they cover. By identity: a proxy around
# one of them may claim to be equal to it.
_left_behind: Final[dict[int, tuple[object, object]]] = {}


def patch_method(owner: type, name: str, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Subscription:
    """Replace ``owner.name`` until the subscription is cancelled.

    An inherited method stays inherited: the wrapper is the attribute of ``owner``, and undoing deletes it. If ``owner``
    has the attribute itself, whoever put it there, undoing gives back the same object. If somebody wrapped the wrapper
    in the meantime, undoing leaves theirs (and so ours) in place and says so in the log; wrappers must therefore pass
    calls through when nothing is installed.

    :param wrap: makes the wrapper from a callable that does what was found; a coroutine function from one that gives
        awaitables.
    """
    found = vars(owner).get(name, _ABSENT)
    while id(found) in _left_behind and _left_behind[id(found)][0] is found:
        _, found = _left_behind.pop(id(found))  # whoever covered it has gone
    wrapper = functools.wraps(getattr(owner, name))(wrap(_caller(owner, name, found)))
    setattr(owner, name, wrapper)

    def undo() -> None:
        if vars(owner).get(name, _ABSENT) is not wrapper:
            _left_behind[id(wrapper)] = wrapper, found
            _log.warning(
                "%s.%s was replaced by somebody else after Polymeter had wrapped it and is left as it is; "
                "Polymeter's wrapper below it only passes calls through now",
                owner.__qualname__,
                name,
            )
        elif found is _ABSENT:
            delattr(owner, name)
        else:
            setattr(owner, name, found)

    return Subscription(undo)


def patch_all(patches: Iterator[Subscription]) -> Subscription:
    """Make all of several patches, or none: if one cannot be made, those made before are undone, the last first.

    :param patches: makes one after the other as they are asked for, as a generator does.
    :return: undoes all of them, the last first.
    """
    made: list[Subscription] = []
    try:
        for patch in patches:
            made.append(patch)  # noqa: PERF402 - what was made before an error counts
    except BaseException:
        Subscription.of_all(made).cancel()
        raise
    return Subscription.of_all(made)


class Hooks:
    """The wrappers around one library, made for one time that it is patched.

    Once undone, they only pass calls through: another library may hold on to them, below wrappers of a later time.
    """

    def __init__(self) -> None:
        self._installed = True

    def patch(self) -> Subscription:
        """Put all of them in place, or none."""
        return patch_all(chain(self._patches(), [Subscription(self._undone)]))  # the last is undone first

    def _patches(self) -> Iterator[Subscription]:
        """Put them in place, one by one."""
        raise NotImplementedError

    def _undone(self) -> None:
        self._installed = False


def _caller(owner: type, name: str, found: Any) -> Callable[..., Any]:
    def inherited(self: Any, *args: Any, **kwargs: Any) -> Any:
        # Looked up at each call, so that a later change of the base class is not lost.
        return getattr(cast("Any", super(owner, self)), name)(*args, **kwargs)

    def own(self: Any, *args: Any, **kwargs: Any) -> Any:
        return found.__get__(self, self.__class__)(*args, **kwargs)

    return inherited if found is _ABSENT else own

"""Put a wrapper around a function of somebody else's module, for everyone who holds it.

``from library import ask`` binds the function itself, so replacing ``library.ask`` would be seen only by those who
import it later. What all of them share is the function's code; so that is what is replaced, and given back.
"""

from __future__ import annotations

import inspect
import logging
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Final

from polymeter.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["can_patch_code", "patch_code"]

_log: Final = logging.getLogger(__name__)
_MARK: Final = "polymeter:wrapper"  # stands for what is called instead
_TEMPLATES: Final = {
    False: """
def outer({cells}):
    def inner(*args, **kwargs):
        {use}
        wrapper = "polymeter:wrapper"
        return wrapper(*args, **kwargs)
""",
    True: """
def outer({cells}):
    async def inner(*args, **kwargs):
        {use}
        wrapper = "polymeter:wrapper"
        return await wrapper(*args, **kwargs)
""",
}


def can_patch_code(function: object) -> bool:
    """Tell whether ``function`` is one of those: written in Python as ``def f(*args, **kwargs)``, async or not.

    Such functions have no parameters of their own, so nothing can be wrong about those of the replaced code.
    """
    if not isinstance(function, FunctionType):
        return False
    code = function.__code__
    takes_all = code.co_flags & inspect.CO_VARARGS and code.co_flags & inspect.CO_VARKEYWORDS
    generates = code.co_flags & (inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR)
    return bool(takes_all) and not generates and not (code.co_argcount or code.co_kwonlyargcount)


def patch_code(function: FunctionType, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Subscription:
    """Have calls of ``function`` go to a wrapper, until the subscription is cancelled.

    The function stays the same object with the same attributes and signature; a coroutine function stays one. If
    somebody else replaced its code in the meantime, undoing leaves theirs (and so ours) in place and says so in the
    log; wrappers must therefore pass calls through when nothing is installed.

    :param function: one that :func:`can_patch_code`.
    :param wrap: makes the wrapper from a callable that does what was found; for a coroutine function, a coroutine
        function from one that gives awaitables.
    """
    found = function.__code__
    below = FunctionType(found, function.__globals__, function.__name__, None, function.__closure__)
    code = _code(found, wrap(below), is_async=inspect.iscoroutinefunction(function))
    function.__code__ = code

    def undo() -> None:
        if function.__code__ is code:
            function.__code__ = found
        else:
            _log.warning(
                "the code of %s.%s was replaced by somebody else after Polymeter had wrapped it and is left as it is; "
                "Polymeter's wrapper below it only passes calls through now",
                function.__module__,
                function.__qualname__,
            )

    return Subscription(undo)


def _code(found: CodeType, wrapper: Callable[..., Any], *, is_async: bool) -> CodeType:
    """Give code that calls ``wrapper``, with the cells and the name of what was ``found``.

    A function keeps its cells, so its new code must have as many, and copy them into its frames like any other.
    """
    cells = ", ".join(found.co_freevars)
    source = _TEMPLATES[is_async].format(cells=cells, use=f"if False: {cells}" if cells else "pass")
    module = compile(source, "<polymeter's wrapper>", "exec", dont_inherit=True)
    (outer,) = [each for each in module.co_consts if isinstance(each, CodeType)]
    (inner,) = [each for each in outer.co_consts if isinstance(each, CodeType)]
    return inner.replace(
        co_consts=tuple(wrapper if each == _MARK else each for each in inner.co_consts),
        co_name=found.co_name,
        co_qualname=found.co_qualname,
    )

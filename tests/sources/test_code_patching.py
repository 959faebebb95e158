"""Wrappers around functions of somebody else's module, for everyone who holds them."""

from __future__ import annotations

import asyncio
import inspect
import logging
import sys
import threading
import traceback
from functools import partial, wraps

import pytest

from polymeter.sources.code_patching import can_patch_code, patch_code


def decorated(function):
    """Wrap a function as libraries do: with cells."""
    calls = []

    @wraps(function)
    def outer(*args, **kwargs):
        calls.append(args)
        return function(*args, **kwargs)

    @wraps(function)
    async def outer_async(*args, **kwargs):
        calls.append(args)
        return await function(*args, **kwargs)

    return outer_async if inspect.iscoroutinefunction(function) else outer


@pytest.fixture
def add():
    """Give a function with cells, another one on each call."""

    @decorated
    def add(one, other=0):
        """Add two numbers."""
        return one + other

    return add


@pytest.fixture
def add_later():
    @decorated
    async def add_later(one, other=0):
        await asyncio.sleep(0)
        return one + other

    return add_later


def tenfold(below):
    return lambda *args, **kwargs: 10 * below(*args, **kwargs)


def tenfold_later(below):
    async def wrapper(*args, **kwargs):
        return 10 * await below(*args, **kwargs)

    return wrapper


def test_whoever_holds_the_function_calls_the_wrapper(add):
    held, bound = add, partial(add, 1)
    code = add.__code__
    with patch_code(add, tenfold):
        assert (held(1, other=2), bound(2)) == (30, 30)
    assert (held(1, other=2), bound(2)) == (3, 3)
    assert add.__code__ is code


def test_a_coroutine_function_stays_one(add_later):
    code = add_later.__code__
    with patch_code(add_later, tenfold_later):
        assert inspect.iscoroutinefunction(add_later)
        assert asyncio.run(add_later(1, other=2)) == 30
    assert add_later.__code__ is code
    assert asyncio.run(add_later(1, other=2)) == 3


def test_a_function_without_cells_can_be_patched():
    namespace = {}
    exec("def f(*args, **kwargs): return len(args) + len(kwargs)", namespace)  # noqa: S102
    function = namespace["f"]
    with patch_code(function, tenfold):
        assert function(1, 2, a=3) == 30
    assert function(1, 2, a=3) == 3


def test_name_signature_and_documentation_stay(add):
    before = add.__name__, add.__doc__, inspect.signature(add), add.__code__.co_name, add.__code__.co_freevars
    with patch_code(add, tenfold):
        after = add.__name__, add.__doc__, inspect.signature(add), add.__code__.co_name, add.__code__.co_freevars
    assert after == before


def test_frames_of_the_function_can_be_looked_into(add):
    """Debuggers and tracebacks read the variables of every frame, cells included."""
    seen = []

    def look(below):
        def wrapper(*args, **kwargs):
            seen.append(dict(sys._getframe(1).f_locals))
            return below(*args, **kwargs)

        return wrapper

    with patch_code(add, look):
        add(1)
    assert seen[0]["args"] == (1,)
    assert set(seen[0]) >= set(add.__code__.co_freevars)


def test_exceptions_pass_through(add):
    with patch_code(add, tenfold), pytest.raises(TypeError) as raised:
        add("1", 2)
    names = [frame.name for frame in traceback.extract_tb(raised.tb)]
    assert names[-1] == "add"


def test_patches_nest(add):
    code = add.__code__
    first = patch_code(add, tenfold)
    second = patch_code(add, tenfold)
    assert add(1) == 100
    second.cancel()
    assert add(1) == 10
    first.cancel()
    assert add.__code__ is code


def test_code_that_somebody_else_put_there_stays(add, caplog):
    undo = patch_code(add, tenfold)

    @decorated
    def other(*args, **kwargs): ...

    theirs = add.__code__ = other.__code__
    with caplog.at_level(logging.WARNING):
        undo.cancel()
    assert add.__code__ is theirs
    assert "was replaced by somebody else" in caplog.text


def test_calls_of_other_threads_go_on_while_it_is_patched_and_restored(add):
    results, over = set(), threading.Event()

    def call():
        while not over.is_set():
            results.add(add(1))

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(300):
        patch_code(add, tenfold).cancel()
    over.set()
    for thread in threads:
        thread.join()
    assert results <= {1, 10}
    assert add(1) == 1


@pytest.mark.parametrize(
    "thing",
    [
        lambda a: a,
        lambda *args: args,
        lambda *args, key=1, **kwargs: (args, key, kwargs),
        len,
        partial(len, ()),
        type,
        None,
    ],
)
def test_what_has_parameters_of_its_own_or_is_no_function_cannot_be_patched(thing):
    assert not can_patch_code(thing)

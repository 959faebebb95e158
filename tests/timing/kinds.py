"""Every kind of thing that can be timed, and every way in which each can end.

Each kind decorates something whose work takes a quarter of a second on the test's clock before it ends, and drives it.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc

ENDS = ("return", "raise", "cancel", "abandon")

OUTCOMES = {"return": "ok", "raise": "error", "cancel": "cancelled", "abandon": "abandoned"}

SECONDS = 0.25


class Work:
    """What the timed thing does: it takes its time, then ends as it is told."""

    def __init__(self, clock, end):
        self.clock = clock
        self.end = end

    def __call__(self):
        self.clock.advance(SECONDS)
        if self.end == "raise":
            raise ValueError
        if self.end == "cancel":
            raise KeyboardInterrupt

    async def awaited(self):
        self.clock.advance(SECONDS)
        if self.end == "raise":
            raise ValueError
        if self.end in {"cancel", "abandon"}:
            await asyncio.get_running_loop().create_future()


def swallowed(call, *args):
    with contextlib.suppress(ValueError, KeyboardInterrupt, asyncio.CancelledError):
        return call(*args)
    return None


def function(decorate, work):
    @decorate
    def timed():
        return work()

    swallowed(timed)


def method(decorate, work):
    class Shop:
        @decorate
        def timed(self):
            assert isinstance(self, Shop)
            return work()

    swallowed(Shop().timed)


def class_method(decorate, work):
    class Shop:
        @decorate
        @classmethod
        def timed(cls):
            assert cls is Shop
            return work()

    swallowed(Shop.timed)


def inside_class_method(decorate, work):
    class Shop:
        @classmethod
        @decorate
        def timed(cls):
            assert cls is Shop
            return work()

    swallowed(Shop().timed)


def static_method(decorate, work):
    class Shop:
        @decorate
        @staticmethod
        def timed():
            return work()

    swallowed(Shop().timed)


def inside_static_method(decorate, work):
    class Shop:
        @staticmethod
        @decorate
        def timed():
            return work()

    swallowed(Shop.timed)


def partial(decorate, work):
    swallowed(decorate(functools.partial(lambda does: does(), work)))


def callable_object(decorate, work):
    swallowed(decorate(work))


def cached(decorate, work):
    swallowed(decorate(functools.lru_cache(work)))


def whole_class(decorate, work):
    @decorate
    class Shop:
        def timed(self):
            return work()

    swallowed(Shop().timed)


def run_coroutine(coroutine, end):
    if end == "abandon":
        forget(coroutine)
        return

    async def main():
        task = asyncio.ensure_future(coroutine)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if end == "cancel":
            task.cancel()
        await asyncio.wait([task])
        task.cancelled() or task.exception()

    asyncio.run(main())


def forget(coroutine):
    """Run a coroutine up to its first wait, and forget it."""
    loop = asyncio.new_event_loop()
    asyncio.events._set_running_loop(loop)
    try:
        coroutine.send(None)
    finally:
        asyncio.events._set_running_loop(None)
        loop.close()
    del coroutine


def coroutine_function(decorate, work):
    @decorate
    async def timed():
        return await work.awaited()

    run_coroutine(timed(), work.end)


def async_method(decorate, work):
    class Shop:
        @decorate
        async def timed(self):
            return await work.awaited()

    run_coroutine(Shop().timed(), work.end)


def async_callable_object(decorate, work):
    class Shop:
        async def __call__(self):
            return await work.awaited()

    run_coroutine(decorate(Shop())(), work.end)


def async_partial(decorate, work):
    async def timed(does):
        return await does.awaited()

    run_coroutine(decorate(functools.partial(timed, work))(), work.end)


def function_giving_a_coroutine(decorate, work):
    @decorate
    def timed():
        return work.awaited()

    run_coroutine(timed(), work.end)


def function_giving_a_task(decorate, work):
    @decorate
    def timed():
        return asyncio.ensure_future(work.awaited())

    async def main():
        task = timed()
        assert isinstance(task, asyncio.Task)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if work.end == "cancel":
            task.cancel()
        await asyncio.wait([task])
        task.cancelled() or task.exception()

    asyncio.run(main())


def function_giving_an_awaitable(decorate, work):
    class Awaitable:
        def __await__(self):
            return work.awaited().__await__()

    @decorate
    def timed():
        return Awaitable()

    async def main():
        return await timed()

    run_coroutine(main(), work.end)


def drive(generator, work):
    assert next(generator) == 1
    work.clock.advance(SECONDS)
    if work.end == "return":
        assert list(generator) == [2]
    elif work.end == "raise":
        swallowed(generator.throw, ValueError())
    elif work.end == "cancel":
        swallowed(generator.throw, KeyboardInterrupt())
    else:
        del generator
        gc.collect()


def generator_function(decorate, work):
    @decorate
    def timed():
        yield 1
        yield 2

    drive(timed(), work)


def function_giving_a_generator(decorate, work):
    def numbers():
        yield 1
        yield 2

    @decorate
    def timed():
        return numbers()

    drive(timed(), work)


def closed_generator(decorate, work):
    @decorate
    def timed():
        yield

    generator = timed()
    next(generator)
    work.clock.advance(SECONDS)
    generator.close()


async def adrive(generator, work):
    assert await anext(generator) == 1
    work.clock.advance(SECONDS)
    if work.end == "return":
        assert [each async for each in generator] == [2]
    elif work.end == "raise":
        with contextlib.suppress(ValueError):
            await generator.athrow(ValueError())
    elif work.end == "cancel":
        with contextlib.suppress(asyncio.CancelledError):
            await generator.athrow(asyncio.CancelledError())
    else:
        await generator.aclose()


def async_generator_function(decorate, work):
    @decorate
    async def timed():
        yield 1
        yield 2

    asyncio.run(adrive(timed(), work))


def dropped_async_generator(decorate, work):
    @decorate
    async def timed():
        yield

    async def main():
        generator = timed()
        await anext(generator)
        work.clock.advance(SECONDS)
        del generator
        for _ in range(3):  # the event loop closes it in a task of its own
            await asyncio.sleep(0)

    asyncio.run(main())


def function_giving_an_async_generator(decorate, work):
    async def numbers():
        yield 1
        yield 2

    @decorate
    def timed():
        return numbers()

    asyncio.run(adrive(timed(), work))


def drive_block(block, work):
    def main():
        with block:
            work()

    swallowed(main)


def generator_context_manager(decorate, work):
    @decorate
    @contextlib.contextmanager
    def timed():
        yield

    drive_block(timed(), work)


def inside_generator_context_manager(decorate, work):
    @contextlib.contextmanager
    @decorate
    def timed():
        yield

    drive_block(timed(), work)


def function_giving_a_context_manager(decorate, work):
    @contextlib.contextmanager
    def block():
        yield

    @decorate
    def timed():
        return block()

    drive_block(timed(), work)


def entered_and_dropped_context_manager(decorate, work):
    @decorate
    @contextlib.contextmanager
    def timed():
        yield

    block = timed()
    block.__enter__()
    work.clock.advance(SECONDS)
    del block
    gc.collect()


def context_manager_class(decorate, work):
    @decorate
    class Block:
        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

    if work.end == "abandon":
        block = Block()
        block.__enter__()
        work.clock.advance(SECONDS)
        del block
        gc.collect()
        return
    drive_block(Block(), work)


def block(decorate, work):
    drive_block(decorate.block, work)


def drive_async_block(block, work):
    async def main():
        async with block:
            await work.awaited()

    run_coroutine(main(), work.end)


def async_generator_context_manager(decorate, work):
    @decorate
    @contextlib.asynccontextmanager
    async def timed():
        yield

    drive_async_block(timed(), work)


def async_context_manager_class(decorate, work):
    @decorate
    class Block:
        async def __aenter__(self):
            return self

        async def __aexit__(self, *error):
            return None

    drive_async_block(Block(), work)


def async_block(decorate, work):
    drive_async_block(decorate.block, work)


IN_ONE_GO = (  # nobody can leave them before their end
    function,
    method,
    class_method,
    inside_class_method,
    static_method,
    inside_static_method,
    partial,
    callable_object,
    cached,
    whole_class,
    function_giving_a_task,  # the event loop cancels what is left over
    generator_context_manager,
    inside_generator_context_manager,
    function_giving_a_context_manager,
    block,
)
IN_STEPS = (
    coroutine_function,
    async_method,
    async_callable_object,
    async_partial,
    function_giving_a_coroutine,
    function_giving_an_awaitable,
    generator_function,
    function_giving_a_generator,
    async_generator_function,
    function_giving_an_async_generator,
    context_manager_class,
    async_generator_context_manager,
    async_context_manager_class,
    async_block,
)
LEFT = (
    closed_generator,
    dropped_async_generator,
    entered_and_dropped_context_manager,
)
CASES = [
    *((kind, end) for kind in IN_ONE_GO for end in ENDS if end != "abandon"),
    *((kind, end) for kind in IN_STEPS for end in ENDS),
    *((kind, "abandon") for kind in LEFT),
]

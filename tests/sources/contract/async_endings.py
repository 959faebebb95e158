"""Every way in which a stream can end: the asynchronous half, where tasks are cancelled and loops close generators."""

from __future__ import annotations

import asyncio
import gc

import pytest

from polymeter.testing.provider import Reply
from tests.sources.contract.base import Contract
from tests.sources.contract.endings import SLOW


async def a_few_turns():
    """Let the loop close what it was left with."""
    for _ in range(5):
        await asyncio.sleep(0)


async def read(stream, **reply):
    async for _ in await stream(**reply):
        pass


class AsyncStreamEndings(Contract):
    """A stream ends exactly once, with what was used so far, however it ends."""

    @pytest.fixture
    def run(self, provider):
        """Give a function that runs a job with a function that opens a stream, in a loop of its own."""

        def run(job):
            async def main():
                async with self.adapter.aclient(provider.base_url) as client:

                    async def stream(**reply):
                        provider.script(Reply("one two three", usage=self.adapter.tokens, **reply))
                        return await self.adapter.aopen(client)

                    await job(stream)
                    await a_few_turns()

            asyncio.run(main())

        return run

    def check_partial_usage(self, ear):
        if self.adapter.usage_comes_early:
            assert ear.end.usage.input_tokens == self.adapter.usage.input_tokens

    def test_read_to_its_end(self, ear, run):
        async def job(stream):
            assert [chunk async for chunk in await stream()]
            assert ear.outcomes == ["ok"]

        run(job)
        assert ear.outcomes == ["ok"]
        assert ear.attempts == [200]
        assert ear.end.usage == self.adapter.usage
        assert ear.end.finish_reason
        assert ear.end.streamed
        assert ear.end.chunk_count >= 3
        assert ear.end.time_to_first_content_ms is not None

    def test_read_past_its_end(self, ear, run):
        async def job(stream):
            opened = await stream()
            chunks = aiter(opened)
            assert [chunk async for chunk in chunks]
            with pytest.raises(StopAsyncIteration):
                await anext(chunks)

        run(job)
        assert ear.outcomes == ["ok"]

    def test_broken_off(self, ear, run):
        async def job(stream):
            async for _ in await stream():
                break

        run(job)
        assert ear.outcomes == [self.adapter.dropped]
        assert ear.attempts == [200]
        self.check_partial_usage(ear)

    def test_dropped_unread(self, ear, run):
        async def job(stream):
            await stream()
            gc.collect()

        run(job)
        assert ear.outcomes in ([[], [self.adapter.dropped]] if self.adapter.lazy else [[self.adapter.dropped]])

    def test_closed(self, ear, run):
        async def job(stream):
            opened = await stream()
            await anext(aiter(opened))
            await self.adapter.aclose(opened)
            assert ear.outcomes == ["cancelled"]

        run(job)
        assert ear.outcomes == ["cancelled"]
        self.check_partial_usage(ear)

    def test_closed_unread(self, ear, run):
        async def job(stream):
            await self.adapter.aclose(await stream())
            gc.collect()

        run(job)
        assert ear.outcomes in ([[], ["cancelled"]] if self.adapter.lazy else [["cancelled"]])

    def test_ended_twice(self, ear, run):
        async def job(stream):
            opened = await stream()
            assert [chunk async for chunk in opened]
            await self.adapter.aclose(opened)
            await self.adapter.aclose(opened)
            closed = await stream()
            await anext(aiter(closed))
            await self.adapter.aclose(closed)
            await self.adapter.aclose(closed)

        run(job)
        assert ear.outcomes == ["ok", "cancelled"]

    def test_an_exception_in_the_loop(self, ear, run):
        async def job(stream):
            async for _ in await stream():
                raise LookupError

        with pytest.raises(LookupError):
            run(job)
        gc.collect()
        assert ear.outcomes == [self.adapter.dropped]
        self.check_partial_usage(ear)

    def test_an_exception_in_a_block(self, ear, run):
        async def job(stream):
            opened = await stream()
            async with self.adapter.ablock(opened):
                await anext(aiter(opened))
                raise LookupError

        with pytest.raises(LookupError):
            run(job)
        assert ear.outcomes == ["cancelled"]

    def test_a_task_that_is_cancelled_while_it_waits_for_a_chunk(self, ear, run):
        async def job(stream):
            begun = asyncio.Event()

            async def follow():
                async for _ in await stream(chunk_every=SLOW):
                    begun.set()

            reading = asyncio.create_task(follow())
            await begun.wait()
            await asyncio.sleep(0.05)  # it reads what is there, and waits for the server
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading

        run(job)
        assert ear.outcomes == ["cancelled"]
        self.check_partial_usage(ear)

    def test_a_time_limit_of_the_caller(self, ear, run):
        async def job(stream):
            async with asyncio.timeout(None) as limit:
                async for _ in await stream(chunk_every=SLOW):
                    limit.reschedule(asyncio.get_running_loop().time() + 0.05)

        with pytest.raises(TimeoutError):
            run(job)
        assert ear.outcomes == ["cancelled"]

    def test_a_task_that_is_cancelled_before_the_answer(self, ear, provider, run):
        """No stream has come of it, and the attempt under way ends with the call."""

        async def job(stream):
            waiting = asyncio.create_task(read(stream, respond_after=SLOW))
            while not provider.requests:  # noqa: ASYNC110 - the provider lives on threads
                await asyncio.sleep(0.005)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

        run(job)
        assert ear.outcomes == ["cancelled"]
        assert [will_retry for _, _, will_retry in ear.attempts] == [False]

    def test_the_server_breaks_it_off(self, ear, run):
        async def job(stream):
            await read(stream, drop_after_chunks=2)

        with pytest.raises(self.adapter.broken) as broken:
            run(job)
        assert ear.outcomes == ["error"]
        assert ear.end.error_type == broken.type.__name__
        assert ear.attempts == [200]
        self.check_partial_usage(ear)

    def test_collected_as_garbage(self, ear, run):
        async def job(stream):
            opened = await stream()
            await anext(aiter(opened))
            holder = [opened]
            holder.append(holder)
            del opened, holder
            assert ear.outcomes == []
            gc.collect()
            await a_few_turns()
            assert ear.outcomes == [self.adapter.dropped]

        run(job)
        assert ear.outcomes == [self.adapter.dropped]
        self.check_partial_usage(ear)

    def test_a_loop_that_ends_before_it(self, ear, run):
        kept = []

        async def job(stream):
            opened = await stream()
            await anext(aiter(opened))
            kept.append(opened)

        run(job)
        kept.clear()
        gc.collect()
        assert len(ear.outcomes) == 1
        assert ear.outcomes[0] in {"abandoned", "cancelled", "error"}  # clients that close may break what is open

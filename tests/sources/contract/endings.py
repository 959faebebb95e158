"""Every way in which a stream can end: the synchronous half."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys

import pytest

from polymeter.testing.provider import Provider, Reply
from tests.interpreter import ROOT, bare_environment
from tests.sources.contract.base import Contract

SLOW = 30.0  # seconds; whoever waits for this is interrupted


class Interrupted(BaseException):
    """What a signal handler raises."""


class StreamEndings(Contract):
    """A stream ends exactly once, with what was used so far, however it ends."""

    @pytest.fixture
    def client(self, provider):
        with self.adapter.client(provider.base_url) as client:
            yield client

    @pytest.fixture
    def stream(self, provider, client):
        """Give a function that opens a stream, so that no fixture holds one."""

        def stream(**reply):
            provider.script(Reply("one two three", usage=self.adapter.tokens, **reply))
            return self.adapter.open(client)

        return stream

    def check_partial_usage(self, ear):
        if self.adapter.usage_comes_early:
            assert ear.end.usage.input_tokens == self.adapter.usage.input_tokens

    def test_read_to_its_end(self, ear, stream):
        assert list(stream())
        assert ear.outcomes == ["ok"]
        assert ear.attempts == [200]
        assert ear.end.usage == self.adapter.usage
        assert ear.end.finish_reason
        assert ear.end.streamed
        assert ear.end.chunk_count >= 3
        assert ear.end.time_to_first_chunk_ms is not None
        assert ear.end.time_to_first_content_ms is not None

    def test_read_past_its_end(self, ear, stream):
        opened = stream()
        list(opened)
        assert next(iter(opened), None) is None
        assert ear.outcomes == ["ok"]

    def test_broken_off(self, ear, stream):
        for _ in stream():
            break
        assert ear.outcomes == [self.adapter.dropped]
        assert ear.attempts == [200]
        self.check_partial_usage(ear)

    def test_dropped_unread(self, ear, stream):
        stream()
        gc.collect()
        assert ear.outcomes in ([[], [self.adapter.dropped]] if self.adapter.lazy else [[self.adapter.dropped]])

    def test_closed(self, ear, stream):
        opened = stream()
        next(iter(opened))
        self.adapter.close(opened)
        assert ear.outcomes == ["cancelled"]
        self.check_partial_usage(ear)

    def test_closed_unread(self, ear, stream):
        self.adapter.close(stream())
        gc.collect()
        assert ear.outcomes in ([[], ["cancelled"]] if self.adapter.lazy else [["cancelled"]])

    def test_ended_twice(self, ear, stream):
        opened = stream()
        list(opened)
        self.adapter.close(opened)
        self.adapter.close(opened)
        del opened
        closed = stream()
        next(iter(closed))
        self.adapter.close(closed)
        self.adapter.close(closed)
        del closed
        gc.collect()
        assert ear.outcomes == ["ok", "cancelled"]

    def test_an_exception_in_the_loop(self, ear, stream):
        def loop():
            for _ in stream():
                raise LookupError

        with pytest.raises(LookupError):
            loop()
        assert ear.outcomes == [self.adapter.dropped]
        self.check_partial_usage(ear)

    def test_an_exception_in_a_block(self, ear, stream):
        opened = stream()

        def block():
            with self.adapter.block(opened):
                next(iter(opened))
                raise LookupError

        with pytest.raises(LookupError):
            block()
        assert ear.outcomes == ["cancelled"]

    def test_an_interrupt_while_a_chunk_is_awaited(self, ear, stream):
        """What cancelling is to a task."""

        def interrupt(*_):
            raise Interrupted

        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            opened = stream(chunk_every=SLOW)
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            with pytest.raises(Interrupted):
                list(opened)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert ear.outcomes == ["cancelled"]
        self.check_partial_usage(ear)

    def test_the_server_breaks_it_off(self, ear, stream):
        with pytest.raises(self.adapter.broken) as broken:
            list(stream(drop_after_chunks=2))
        assert ear.outcomes == ["error"]
        assert ear.end.error_type == broken.type.__name__
        assert ear.attempts == [200]
        self.check_partial_usage(ear)

    def test_collected_as_garbage(self, ear, stream):
        opened = stream()
        next(iter(opened))
        holder = [opened]
        holder.append(holder)
        del opened, holder
        assert ear.outcomes == []
        gc.collect()
        assert ear.outcomes == [self.adapter.dropped]
        self.check_partial_usage(ear)

    def test_uninstalled_before_it_ends(self, ear, client, provider):
        """What is under way is told to its end."""
        source = self.adapter.source()
        provider.script(Reply("one two three", usage=self.adapter.tokens))
        undo = source.install(ear.dispatcher)
        opened = self.adapter.open(client)
        chunks = iter(opened)
        next(chunks)
        undo.cancel()
        list(chunks)
        assert ear.outcomes == ["ok"]
        assert source.health().active == 0

    def test_the_interpreter_exits(self, tmp_path):
        """A synchronous and an asynchronous stream, both open, in a process of their own."""
        told = tmp_path / "told"
        with Provider() as provider:
            provider.script(Reply("one two three", usage=self.adapter.tokens, chunk_every=SLOW, times=2))
            adapter = type(self.adapter)
            name = f"{adapter.__module__}:{adapter.__qualname__}"
            done = subprocess.run(
                [sys.executable, "-m", "tests.sources.contract.leave", name, provider.base_url, str(told)],
                cwd=ROOT,
                env=bare_environment(),
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            assert done.returncode == 0, done.stderr
            assert "polymeter" not in done.stderr  # loops complain of generators of the library that are left open
            assert len(provider.settled()) == 2
        *started, first, second = told.read_text().split()
        assert started == ["started", "started"]
        # A loop that ends closes the generators that are left open, and those what they read from.
        assert {first, second} <= {f"{self.adapter.dropped}-1", "cancelled-1"}
        assert f"{self.adapter.dropped}-1" in {first, second}

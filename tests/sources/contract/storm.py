"""Many calls of which most fail in some way first: every attempt is told, and what becomes of it."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor

import pytest

from polymeter.events.inference import (
    InferenceAttemptFailed,
    InferenceAttemptStarted,
    InferenceAttemptSucceeded,
    InferenceCompleted,
)
from polymeter.testing.provider import Disconnect, Hang, RateLimited, Refusal, Reply, ServerError, Unauthorized
from tests.sources.contract.base import Contract

PATIENCE = 1.0
"""Seconds after which the clients give up on a provider that hangs; longer than any answer takes on a busy machine."""
SOON = 0.001


def limited():
    return RateLimited(SOON)


def broken():
    return ServerError(retry_after=SOON)


def hanging():
    return Hang()


def overloaded():
    return ServerError(503, retry_after=SOON)


FATES = [
    (30, [Reply]),
    (15, [limited, Reply]),
    (15, [broken, Reply]),
    (10, [limited, broken, Reply]),
    (10, [broken, overloaded, limited]),
    (8, [Disconnect, Reply]),
    (5, [Unauthorized]),
]
"""What may happen to a call whose client tries again twice: how likely it is, and the steps."""
HANGING = [[hanging, Reply], [hanging, broken, Reply], [limited, hanging, Reply], [limited, broken, hanging]]
"""What happens to four calls besides."""


class RetryStorm(Contract):
    """executions == calls, attempts == requests that the server saw, ``will_retry`` is right on each of them.

    Each call has a model of its own, and so a script of its own.
    """

    calls = 200
    threads = 8

    @pytest.fixture(autouse=True)
    def at_once(self, monkeypatch, clock):
        async def asleep(seconds):
            clock.advance(seconds)

        self.adapter.wait_on(monkeypatch, clock.advance, asleep)

    @pytest.fixture(params=["short", pytest.param("long", marks=pytest.mark.long)])
    def fates(self, request, provider):
        """Write the scripts; give the steps by model."""
        weights, kinds = zip(*FATES, strict=True)
        calls = self.calls if request.param == "short" else 1000
        chance = random.Random(5)
        drawn = [*HANGING, *chance.choices(kinds, weights, k=calls - len(HANGING))]
        chance.shuffle(drawn)
        fates = {f"m{number}": [make() for make in makes] for number, makes in enumerate(drawn)}
        for model, steps in fates.items():
            provider.script(*steps, model=model)
        return fates

    def check(self, ear, provider, fates):
        seen = provider.settled()
        assert provider.unused == 0
        requests = Counter(request.model for request in seen)
        events = defaultdict(list)
        for event in ear.events:
            events[event.model].append(event)
        assert len(ear.all(InferenceCompleted)) == len(fates)
        assert len(ear.all(InferenceAttemptStarted)) == len(seen)
        for model, steps in fates.items():
            attempts = [e for e in events[model] if isinstance(e, (InferenceAttemptSucceeded, InferenceAttemptFailed))]
            told = [
                (event.http_status, isinstance(event, InferenceAttemptFailed) and event.will_retry)
                for event in attempts
            ]
            assert told == [(_status(step), at < len(steps)) for at, step in enumerate(steps, 1)], model
            (end,) = [event for event in events[model] if isinstance(event, InferenceCompleted)]
            assert end.attempt_count == requests[model] == len(steps)
            assert end.outcome == ("ok" if isinstance(steps[-1], Reply) else "error")
            assert all(event.error_type for event in attempts if isinstance(event, InferenceAttemptFailed))

    def test_a_storm_over_threads(self, ear, provider, fates):
        with (
            self.adapter.client(provider.base_url, timeout=PATIENCE) as client,
            ThreadPoolExecutor(self.threads) as pool,
        ):

            def call(number, model):
                if number % 2:
                    self.adapter.ask(client, model)
                else:
                    list(self.adapter.open(client, model))

            jobs = [pool.submit(call, number, model) for number, model in enumerate(fates)]
            errors = [job.exception() for job in jobs]
        self.check_errors(fates, errors)
        self.check(ear, provider, fates)

    def test_a_storm_over_tasks(self, ear, provider, fates):
        async def storm():
            places = asyncio.Semaphore(self.threads)
            async with self.adapter.aclient(provider.base_url, timeout=PATIENCE) as client:

                async def call(number, model):
                    async with places:
                        if number % 2:
                            await self.adapter.aask(client, model)
                        else:
                            async for _ in await self.adapter.aopen(client, model):
                                pass

                jobs = [call(number, model) for number, model in enumerate(fates)]
                return await asyncio.gather(*jobs, return_exceptions=True)

        self.check_errors(fates, asyncio.run(storm()))
        self.check(ear, provider, fates)

    def check_errors(self, fates, errors):
        """The caller saw what it would have seen without us."""
        for steps, error in zip(fates.values(), errors, strict=True):
            assert isinstance(error, Exception) != isinstance(steps[-1], Reply)

    def test_latency_includes_the_waits_between_attempts(self, ear, provider, monkeypatch, clock):
        waits = []

        def sleep(seconds):
            waits.append(seconds)
            clock.advance(seconds)

        async def asleep(seconds):
            sleep(seconds)

        if self.adapter.wait_on(monkeypatch, sleep, asleep) is NotImplemented:
            pytest.skip("the library's waits cannot be put on another clock")
        with self.adapter.client(provider.base_url) as client:
            provider.script(RateLimited(2.0), ServerError(retry_after=3.0), Reply())
            self.adapter.ask(client)
        assert len(waits) == 2
        assert sum(waits) > 0
        assert ear.end.duration_ms == pytest.approx(sum(waits) * 1000)
        assert [event.duration_ms for event in ear.all((InferenceAttemptFailed, InferenceAttemptSucceeded))] == [
            0.0
        ] * 3


def _status(step):
    if isinstance(step, Reply):
        return 200
    return step.status if isinstance(step, Refusal) else None

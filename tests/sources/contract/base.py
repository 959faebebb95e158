"""What all parts of the contract share: an installed source, an ear, a provider, and the laws at the end."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, ClassVar

import pytest

from polymeter.events.inference import InferenceCompleted
from polymeter.testing.clock import ManualClock
from polymeter.testing.provider import Provider
from tests.sources.contract.ear import Ear

if TYPE_CHECKING:
    from tests.sources.contract.adapter import Adapter


class Contract:
    """Tests of one source with one adapter.

    After each test: started = ok + error + cancelled + abandoned, nothing is active, each run has one start, one end,
    and as many attempts as the server saw requests, and nothing surprised the source.
    """

    adapter: ClassVar[Adapter]

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def frozen(cls):
        """Keep the garbage collector away from everything that is there already, so that it is quick."""
        gc.collect()
        gc.freeze()
        yield
        gc.unfreeze()

    @pytest.fixture(autouse=True)
    def no_collection(self, frozen):
        """Collect garbage only when the test says so, and once after it."""
        gc.disable()
        yield
        gc.enable()
        gc.collect()

    @pytest.fixture
    def clock(self):
        return ManualClock()

    @pytest.fixture
    def ear(self, clock):
        return Ear(clock)

    @pytest.fixture
    def source(self, ear):
        source = self.adapter.source()
        with source.install(ear.dispatcher):
            yield source

    @pytest.fixture
    def provider(self):
        with Provider() as provider:
            yield provider

    @pytest.fixture(autouse=True)
    def laws(self, ear, source, provider):
        yield
        gc.collect()
        seen = provider.settled()
        health = source.health()
        assert health.surprises == 0
        assert health.active == 0
        assert health.started == health.ok + health.error + health.cancelled + health.abandoned
        ear.check_laws()
        ends = ear.all(InferenceCompleted)
        assert len(ends) == health.started
        assert sum(end.attempt_count for end in ends) == len(seen)

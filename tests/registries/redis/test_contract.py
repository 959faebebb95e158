"""RedisRegistry: the contract of all registries."""

from __future__ import annotations

import pytest

from polymeter.testing.contracts.registries import RegistryContract


class TestRedisRegistry(RegistryContract):
    @pytest.fixture
    def registry(self, make, clock):
        return make(clock=clock)

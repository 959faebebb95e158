"""SharedRegistry: the contract of all registries, for one process."""

from __future__ import annotations

import pytest

from polymeter.registries import SharedRegistry
from polymeter.testing.contracts.registries import RegistryContract


class TestSharedRegistry(RegistryContract):
    @pytest.fixture
    def registry(self, clock, tmp_path):
        registry = SharedRegistry("shop", directory=tmp_path, clock=clock)
        yield registry
        registry.close()

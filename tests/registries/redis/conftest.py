"""A registry of an app of its own in the Redis that all tests share."""

from __future__ import annotations

import uuid

import pytest

from polymeter.registries.redis.registry import RedisRegistry


@pytest.fixture
def app():
    """Give a name that no other test has."""
    return uuid.uuid4().hex


@pytest.fixture
def make(redis, app):
    """Give what makes registries of one app; they are closed at the end.

    By default they tell nothing by themselves, and no machine is too busy for a read.
    """
    made = []

    def make(**options):
        registry = RedisRegistry(**{"url": redis.url, "app": app, "interval": 3600, "patience": 30, **options})
        made.append(registry)
        return registry

    yield make
    for registry in made:
        registry.close()

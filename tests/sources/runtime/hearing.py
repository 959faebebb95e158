"""A dispatcher that remembers what it passed on."""

from __future__ import annotations

from polymeter.events import EventDispatcher

__all__ = ["Ear", "needs_proc"]

import sys

import pytest

needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="there is a /proc on Linux only")


class Ear(EventDispatcher):
    """Hears events of one class, in order."""

    def __init__(self, event_type=object, **options):
        super().__init__(**options)
        self.heard = []
        self.add_listener(event_type, self.heard.append)

    def polled(self, source):
        """Ask a source, and give what it told."""
        before = len(self.heard)
        source.poll(self)
        return self.heard[before:]

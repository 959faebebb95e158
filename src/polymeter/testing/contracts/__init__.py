"""Contract suites: the behaviour that all implementations of one contract share, as pytest classes to derive from."""

from __future__ import annotations

import pytest

for _part in ("registry", "dispatcher", "collector", "exporter"):
    pytest.register_assert_rewrite(f"{__name__}.{_part}")  # a failed assert shows its values, as in a test of your own

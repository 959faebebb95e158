"""Contract suites: the behaviour that all implementations of one contract share, as pytest classes to derive from."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(f"{__name__}.registry")  # a failed assert shows its values, as in a test of your own

"""How long a price holds: until another one may."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from genai_prices.types import StartDateConstraint, TimeOfDateConstraint
from hypothesis import given
from hypothesis import strategies as st

from polymeter.cost.validity import validity


def seconds(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def test_without_constraints_for_ever():
    assert validity([], 5.0) == validity([None, None], 5.0) == (-math.inf, math.inf)


@pytest.mark.parametrize(
    ("at", "since", "until"),
    [
        ("2025-12-31T23:59:59", -math.inf, seconds("2026-01-01")),
        ("2026-01-01T00:00:00", seconds("2026-01-01"), seconds("2026-03-01")),
        ("2026-05-01T12:00:00", seconds("2026-03-01"), math.inf),
    ],
)
def test_from_one_start_date_to_the_next(at, since, until):
    starts = [None, StartDateConstraint(date(2026, 1, 1)), StartDateConstraint(date(2026, 3, 1))]
    assert validity(starts, seconds(at)) == (since, until)


constraints = st.one_of(
    st.none(),
    st.builds(StartDateConstraint, st.dates(date(2025, 12, 20), date(2026, 1, 10))),
    st.builds(
        TimeOfDateConstraint,
        *[st.times(timezones=st.sampled_from([None, UTC, timezone(timedelta(hours=9)), timezone(-timedelta(hours=9))]))]
        * 2,
    ),
)
moments = st.floats(seconds("2025-12-31"), seconds("2026-01-02"))


@given(st.lists(constraints, max_size=4), moments, moments)
def test_while_it_holds_no_constraint_changes(constraints, at, later):
    """Whatever moment of it is looked at: the library answers the same."""
    since, until = validity(constraints, at)
    assert since <= at < until
    if since <= later < until:
        then, now = (datetime.fromtimestamp(each, UTC) for each in (later, at))
        known = [each for each in constraints if each is not None]
        assert [each.active(then) for each in known] == [each.active(now) for each in known]


def test_of_what_is_not_known_it_holds_for_the_moment():
    since, until = validity([object()], 100.0)
    assert since <= 100.0 < until <= 100.000001

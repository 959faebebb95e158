"""A set that holds nothing alive."""

from __future__ import annotations

from polymeter.registries.weakly import Weakly


class Thing:
    pass


def test_it_gives_what_is_alive():
    """In the order in which things came; what nobody holds is gone."""
    things, first, second = Weakly(), Thing(), Thing()
    things.add(first)
    things.add(Thing())
    things.add(second)
    things.add(first)
    assert list(things) == [first, second]


def test_it_can_change_while_it_is_walked():
    """Who walks sees what was there at first."""
    things, kept = Weakly(), [Thing() for _ in range(3)]
    for thing in kept:
        things.add(thing)
    new = Thing()
    seen = []
    for thing in things:
        seen.append(thing)
        things.discard(thing)
        things.add(new)
    assert seen == kept
    assert list(things) == [new]


def test_a_new_thing_in_the_place_of_an_old_one_stays():
    """Memory is given out again, and with it the identity."""
    things = Weakly()
    for _ in range(100):
        thing = Thing()
        things.add(thing)
        assert list(things) == [thing]
        del thing


def test_letting_go_twice_is_harmless():
    """As of what never was there."""
    things = Weakly()
    things.discard(Thing())
    assert list(things) == []

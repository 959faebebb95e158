"""Names, tags and choices: what can be declared, and what is refused at once."""

from __future__ import annotations

import enum
import functools
import logging

import pytest

from polymeter import Metrics
from polymeter.errors import DefinitionError
from polymeter.timing import LongTasks, Timing, counted, start, timed


class Shop:
    @timed
    def place(self): ...

    @timed
    @classmethod
    def open(cls): ...

    @counted
    def close(self): ...


class Size(enum.Enum):
    LARGE = "large"


def names(told):
    return [each.name for each in told if hasattr(each, "outcome")]


def test_without_a_name_it_is_called_after_the_function(metrics, told):
    @timed
    def local(): ...

    local(), Shop().place(), Shop.open(), Shop().close(), timed(functools.partial(local.__wrapped__))()
    timed(lambda: None)()
    inside = f"{__name__}.test_without_a_name_it_is_called_after_the_function"
    assert names(told) == [
        f"{inside}.local",
        f"{__name__}.Shop.place",
        f"{__name__}.Shop.open",
        f"{__name__}.Shop.close.calls",
        f"{inside}.local",
        f"{inside}.lambda",
    ]


def test_parentheses_and_options_need_no_name(metrics, told):
    @timed(tags={"shop": "north"})
    def place(): ...

    @timed()
    def pack(): ...

    place(), pack()
    assert [name.rpartition(".")[2] for name in names(told)] == ["place", "pack"]


def test_one_without_a_name_serves_many_functions(metrics, told):
    northern = timed(tags={"shop": "north"})
    northern(lambda: None)(), northern(len)("")
    assert [name.rpartition(".")[2] for name in names(told)] == ["lambda", "len"]


def test_a_module_that_is_run_is_no_part_of_the_name(metrics, told):
    def main(): ...

    main.__module__, main.__qualname__ = "__main__", "main"
    timed(main)()
    assert names(told) == ["main"]


def test_the_methods_of_a_class_are_told_apart_by_name_or_by_tag(metrics, told):
    class Orders:
        def place(self): ...

        @staticmethod
        def count(): ...

        @classmethod
        def open(cls): ...

        async def _private(self): ...

        @property
        def size(self):
            return 1

    timed("orders_ms")(Orders)
    order = Orders()
    order.place(), order.count(), Orders.open(), order.size
    assert [(each.name, dict(each.tags)) for each in told if hasattr(each, "outcome")] == [
        ("orders_ms", {"method": "place"}),
        ("orders_ms", {"method": "count"}),
        ("orders_ms", {"method": "open"}),
    ]


def test_a_decorated_class_is_the_same_class():
    shop = type("Shop", (), {"place": lambda self: 1})
    assert timed(shop) is shop


def test_tags_may_come_from_the_arguments(metrics):
    @timed("place_ms", tags=lambda order, *, kind="plain": {"kind": kind, "size": Size.LARGE, "fast": True, "n": None})
    def place(order, *, kind="plain"): ...

    place(1), place(2, kind="gift")
    assert [timer.tags.to_dict() for timer in metrics.registry.find("place_ms")] == [
        {"kind": kind, "size": "large", "fast": True, "n": "unknown", "outcome": "ok"} for kind in ("plain", "gift")
    ]


@pytest.mark.parametrize("tags", [lambda: 1 / 0, lambda: {"a": []}, lambda _: {}, lambda: None], ids=range(4))
def test_tags_that_cannot_be_told_are_left_out_and_that_is_logged_once(tags, metrics, told, caplog):
    work = timed("work_ms", tags=tags)(lambda: 5)
    with caplog.at_level(logging.WARNING):
        assert [work(), work()] == [5, 5]
    assert [each.tags for each in told] == [()] * 4
    assert len(caplog.records) == 1
    assert "timed('work_ms'): its tags could not be told" in caplog.text


def test_counting_may_be_of_some_ends_only(metrics):
    @counted("errors", when="error")
    @counted("ends", when=("ok", "cancelled"))
    @counted("timeouts", when=TimeoutError)
    @counted("both", when=["ok", OSError])
    def run(error=None):
        if error is not None:
            raise error

    run()
    for error in (ValueError, TimeoutError, KeyboardInterrupt):
        with pytest.raises(error):
            run(error)
    assert [metrics.registry.total(name) for name in ("errors", "ends", "timeouts", "both")] == [2, 2, 1, 2]


@pytest.mark.parametrize("verb", [timed, counted])
@pytest.mark.parametrize(
    ("declare", "said"),
    [
        (lambda verb: verb(""), "'' is no name"),
        (lambda verb: verb("  "), "is no name"),
        (lambda verb: verb(5), "not callable"),
        (lambda verb: verb(property(len)), "decorate the function inside it"),
        (lambda verb: verb("it", tags=5), "tags=5 is neither a mapping nor a callable"),
        (lambda verb: verb("it", tags={"outcome": "x"}), "'outcome' is said by itself"),
        (lambda verb: verb("it", tags={"": "x"}), "'' is no name of a tag"),
        (lambda verb: verb("it", tags={"a": object()}), "'a' has a value of type object"),
        (lambda verb: verb("it", tags={"a": float("nan")}), "finite float"),
        (lambda verb: verb("it", events=Metrics()), "give metrics.events"),
        (lambda verb: verb("it", clock=5), "clock=5"),
        (lambda verb: verb("it")(type("Empty", (), {})), "finds nothing in Empty"),
        (lambda verb: verb().__enter__(), "a block has no name of its own"),
    ],
)
def test_what_cannot_work_is_refused_at_once(verb, declare, said):
    with pytest.raises(DefinitionError, match=said.replace("(", r"\(")):
        declare(verb)


@pytest.mark.parametrize("when", ["never", 5, ("ok", int), [None]])
def test_an_end_that_does_not_exist_is_refused(when):
    with pytest.raises(DefinitionError, match="neither an outcome"):
        counted("it", when=when)


def test_the_package_gives_functions_not_modules():
    assert all(map(callable, (timed, counted, start, LongTasks)))
    assert isinstance(timed("it"), Timing)

"""What calls timed code sees what it would see without us."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import functools
import inspect
import pickle
import traceback
import types
from collections.abc import Coroutine

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter.events import EventDispatcher
from polymeter.events.timing import TimedCompleted
from polymeter.timing import counted, timed

VERBS = pytest.mark.parametrize("verb", [timed, counted], ids=["timed", "counted"])


def plain(order, *lines, at: float = 0.0, **more) -> str:
    """Place an order."""
    return f"{order}{lines}{at}{more}"


async def coroutine(order: int) -> int:
    """Await an order."""
    return order


def generator(order: int):
    """Give orders."""
    yield order


async def async_generator(order: int):
    """Give orders later."""
    yield order


FUNCTIONS = [plain, coroutine, generator, async_generator]
BY_NAME = timed(plain)
by_name = timed("by_name")(lambda: 1)


@timed
def pickled():
    """Is found by its name."""


@VERBS
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda each: each.__name__)
def test_a_function_keeps_its_name_documentation_signature_and_kind(verb, function):
    wrapper = verb(function)
    assert wrapper.__wrapped__ is function
    for attribute in ("__name__", "__qualname__", "__module__", "__doc__", "__annotations__"):
        assert getattr(wrapper, attribute) == getattr(function, attribute)
    assert inspect.signature(wrapper) == inspect.signature(function)
    for is_it in (
        inspect.iscoroutinefunction,
        inspect.isgeneratorfunction,
        inspect.isasyncgenfunction,
        inspect.isfunction,
    ):
        assert is_it(wrapper) == is_it(function)


@VERBS
def test_what_is_decorated_stays_as_it_was(verb):
    before = dict(vars(plain))
    assert verb(plain) is not plain
    assert vars(plain) == before


def test_a_decorated_function_is_pickled_by_its_name():
    assert pickle.loads(pickle.dumps(pickled)) is pickled  # noqa: S301 - our own
    assert copy.deepcopy(pickled) is pickled


def test_a_cache_keeps_its_methods():
    @timed
    @functools.lru_cache
    def square(number):
        return number**2

    square(2), square(2)
    assert square.cache_info().hits == 1
    square.cache_clear()
    assert square.cache_info().currsize == 0


def test_an_abstract_method_stays_abstract():
    import abc

    class Shop(abc.ABC):
        @timed
        @abc.abstractmethod
        def place(self): ...

    with pytest.raises(TypeError, match="abstract"):
        Shop()


def test_arguments_pass_through(metrics):
    assert timed(plain)(1, 2, 3, at=4, more=5) == plain(1, 2, 3, at=4, more=5)
    assert asyncio.run(timed(coroutine)(7)) == 7


def test_a_wrong_call_raises_as_without_us(metrics, told):
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'order'"):
        timed(plain)()
    assert told[-1].error_type == "TypeError"


class Recorder:
    """A generator that writes down what it is sent and thrown, and gives something for each."""

    def __init__(self):
        self.got = []

    def steps(self):
        value = 0
        while True:
            try:
                self.got.append((yield value))
            except ValueError as error:
                self.got.append(error)
            value += 1
            if len(self.got) == 5:
                return self.got


def driven(generator, moves):
    """Give all that comes out of a generator when it is driven by ``moves``."""
    out = []
    try:
        out.append(next(generator))
        for move in moves:
            if move == "throw":
                out.append(generator.throw(ERROR))
            elif move == "type error":
                out.append(generator.throw(TYPE_ERROR))
            elif move == "close":
                out.append(generator.close())
            else:
                out.append(generator.send(move))
    except StopIteration as stop:
        out.append(("returned", stop.value))
    except (TypeError, ValueError) as error:
        out.append(("raised", error))
    generator.close()
    return out


@contextlib.contextmanager
def heard(is_heard):
    """Give a dispatcher; by one that is heard, each run is told exactly once."""
    events, ends = EventDispatcher(), []
    if is_heard:
        events.add_listener(TimedCompleted, ends.append)
    yield events
    assert len(ends) == is_heard


ERROR, TYPE_ERROR = ValueError(), TypeError()
MOVES = st.lists(st.sampled_from([1, None, "throw", "close", "type error"]), max_size=8)


@given(moves=MOVES, is_heard=st.booleans())
def test_send_throw_close_and_return_values_pass_through_a_generator(moves, is_heard):
    bare, followed = Recorder(), Recorder()
    with heard(is_heard) as events:
        assert driven(timed("it", events=events)(followed.steps)(), moves) == driven(bare.steps(), moves)
    assert followed.got == bare.got


class AsyncRecorder(Recorder):
    """The same, asynchronously."""

    async def steps(self):
        value = 0
        while len(self.got) < 5:
            await asyncio.sleep(0)
            try:
                self.got.append((yield value))
            except ValueError as error:
                self.got.append(error)
            value += 1


async def adriven(generator, moves):
    out = []
    try:
        out.append(await anext(generator))
        for move in moves:
            if move == "throw":
                out.append(await generator.athrow(ERROR))
            elif move == "type error":
                out.append(await generator.athrow(TYPE_ERROR))
            elif move == "close":
                out.append(await generator.aclose())
            else:
                out.append(await generator.asend(move))
    except StopAsyncIteration:
        out.append("returned")
    except (TypeError, ValueError) as error:
        out.append(("raised", error))
    await generator.aclose()
    return out


@given(moves=MOVES, is_heard=st.booleans())
def test_asend_athrow_and_aclose_pass_through_an_async_generator(moves, is_heard):
    async def both():
        bare, followed = AsyncRecorder(), AsyncRecorder()
        with heard(is_heard) as events:
            assert await adriven(timed("it", events=events)(followed.steps)(), moves) == await adriven(
                bare.steps(), moves
            )
        assert followed.got == bare.got

    asyncio.run(both())


def test_a_generator_that_cleans_up_does_so_when_it_is_closed(metrics):
    done = []

    @timed
    def steps():
        try:
            yield
        finally:
            done.append(True)

    generator = steps()
    next(generator)
    generator.close()
    assert done == [True]


def test_an_async_generator_that_awaits_in_its_cleanup_does_so(metrics, told):
    done = []

    @timed
    async def steps():
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            done.append(True)

    async def main():
        async with contextlib.aclosing(steps()) as generator:
            await anext(generator)

    asyncio.run(main())
    assert (done, told[-1].outcome) == ([True], "abandoned")


def test_a_coroutine_made_by_types_can_still_be_awaited(metrics, told):
    @timed
    @types.coroutine
    def steps():
        yield from asyncio.sleep(0).__await__()
        return 3

    async def main():
        return await steps()

    assert asyncio.run(main()) == 3
    assert told[-1].outcome == "ok"


def frames_of(error):
    return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


def test_a_traceback_has_one_frame_more_and_none_less(metrics):
    @timed
    def outer():
        inner()

    def inner():
        raise KeyError

    with pytest.raises(KeyError) as raised:
        outer()
    assert frames_of(raised.value)[1:] == ["call", "outer", "inner"]
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


@pytest.mark.parametrize("decorate", [timed, counted, lambda function: function], ids=["timed", "counted", "bare"])
def test_stop_iteration_that_leaves_a_function_is_what_it_was(decorate, metrics):
    @decorate
    def stopping():
        raise StopIteration(5)

    with pytest.raises(StopIteration) as stopped:
        stopping()
    assert stopped.value.value == 5


def test_a_context_manager_of_contextlib_can_still_be_a_decorator(metrics, clock):
    @timed("block_ms")
    @contextlib.contextmanager
    def block():
        yield

    @block()
    def work():
        clock.advance(0.1)

    work(), work()
    [timer] = metrics.registry.find("block_ms")
    assert (timer.count, timer.total_ms) == (2, pytest.approx(200))


def test_what_a_context_manager_swallows_it_still_swallows(metrics, told):
    @timed
    @contextlib.contextmanager
    def block():
        with contextlib.suppress(ValueError):
            yield

    with block():
        raise ValueError
    assert told[-1].outcome == "ok"


@pytest.mark.parametrize(
    "given_back", [open, object(), iter([1]), [1], type], ids=["function", "object", "iterator", "list", "class"]
)
def test_what_has_no_work_left_is_given_back_as_it_is(given_back, metrics):
    assert timed(lambda: given_back)() is given_back


def test_a_future_is_given_back_as_it_is_and_ends_the_run(metrics, told):
    from concurrent.futures import Future

    future = Future()
    assert timed("submit")(lambda: future)() is future
    assert not [each for each in told if hasattr(each, "outcome")]
    future.set_exception(OSError())
    assert (told[-1].outcome, told[-1].error_type) == ("error", "OSError")


def test_a_task_that_nobody_asks_for_its_exception_still_says_so(metrics):
    said = []

    async def failing():
        raise OSError

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context["message"]))
        timed("task")(lambda: asyncio.ensure_future(failing()))()
        for _ in range(3):
            await asyncio.sleep(0)

    asyncio.run(main())
    assert said == ["Task exception was never retrieved"]


class Fetch:
    """Can be awaited or entered, as those of some HTTP libraries."""

    def __await__(self):
        return iter(())

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        return None


def test_what_can_be_used_in_more_ways_than_by_awaiting_is_left_alone(metrics):
    fetch = Fetch()
    assert timed(lambda: fetch)() is fetch


class Compiled(Coroutine):
    """A coroutine of another make, as compilers have them."""

    __slots__ = ("_steps",)

    def __init__(self, steps):
        self._steps = steps

    def __await__(self):
        return self._steps.__await__()

    def send(self, value):
        return self._steps.send(value)

    def throw(self, *error):
        return self._steps.throw(*error)


def test_a_coroutine_of_another_make_is_followed(metrics, clock, told):
    async def steps():
        clock.advance(1)
        return 3

    async def main():
        return await timed("it")(lambda: Compiled(steps()))()

    assert asyncio.run(main()) == 3
    assert told[-1].duration_ms == 1000


def test_an_object_that_raises_at_every_question_passes_through(metrics, told):
    class Meta(type):
        def __getattr__(cls, name):
            raise RuntimeError

    class Strange(metaclass=Meta):
        __slots__ = ()

    strange = Strange()
    assert timed(lambda: strange)() is strange
    assert told[-1].outcome == "ok"


def test_a_coroutine_that_is_never_awaited_warns_under_its_own_name(metrics, told):
    @timed
    async def forgotten(): ...

    with pytest.warns(RuntimeWarning, match=r"forgotten' was never awaited"):
        forgotten()
    assert told == []

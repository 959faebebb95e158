"""One look at the metrics for all who ask at the same time, and never an old one."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest

from polymeter.exporters.serving import BrokenOffError
from polymeter.exporters.serving import renderings as module
from polymeter.exporters.serving.rendering import Wanted
from polymeter.exporters.serving.renderings import Renderings
from polymeter.testing.contracts.registry.child import answer_of_a_child
from tests.exporters.serving.stand_in import StandIn, fail

ALL = Wanted("", (), gzip=False)


def finished(renderings, rendering):
    while not rendering.is_done:
        assert renderings.advance()
    return rendering


def text_of(renderings, rendering):
    return b"".join(finished(renderings, rendering).pieces())


def test_those_who_ask_before_it_begins_share_a_rendering():
    exposer = StandIn()
    renderings = Renderings(exposer)
    first, second = renderings.join(ALL), renderings.join(ALL)
    assert text_of(renderings, first) == text_of(renderings, second) == b"renderings_total 1\n"
    assert exposer.begun == 1


def test_who_asks_after_it_has_begun_gets_a_newer_one():
    renderings = Renderings(StandIn(b"a 1\n"))
    first = renderings.join(ALL)
    renderings.advance()
    second, third = renderings.join(ALL), renderings.join(ALL)
    assert text_of(renderings, first) == b"renderings_total 1\na 1\n"
    assert text_of(renderings, second) == text_of(renderings, third) == b"renderings_total 2\na 1\n"


def test_different_wishes_are_rendered_one_after_the_other_in_their_order():
    exposer = StandIn(b"a 1\n")
    renderings = Renderings(exposer)
    wishes = [ALL, ALL._replace(accept="x"), ALL._replace(names=("a",)), ALL._replace(gzip=True)]
    asked = [renderings.join(wanted) for wanted in wishes]
    done = []
    while not all(each.is_done for each in asked):
        renderings.advance()
        assert sum(each.is_begun and not each.is_done for each in asked) <= 1
        done += [each for each in asked if each.is_done and each not in done]
    assert done == asked
    assert exposer.asked == [(each.accept, each.names) for each in wishes]


def test_one_that_nobody_waits_for_any_more_is_not_begun():
    exposer = StandIn()
    renderings = Renderings(exposer)
    renderings.join(ALL)
    gc.collect()
    assert renderings.advance()
    assert exposer.begun == 0
    assert text_of(renderings, renderings.join(ALL)) == b"renderings_total 1\n"


def test_one_that_nobody_waits_for_any_more_is_not_gone_on_with():
    exposer = StandIn(b"a 1\n", b"b 1\n", b"c 1\n")
    renderings = Renderings(exposer)
    rendering = renderings.join(ALL)
    renderings.advance()
    renderings.advance()
    del rendering
    gc.collect()
    assert renderings.advance()
    assert exposer.steps == 2


def test_nothing_is_kept_of_what_was_read():
    renderings = Renderings(StandIn(b"a 1\n"))
    rendering = finished(renderings, renderings.join(ALL))
    gone = weakref.ref(rendering)
    del rendering
    gc.collect()
    assert gone() is None


def test_one_that_failed_is_done_and_the_next_one_is_tried():
    exposer = StandIn(fail)
    renderings = Renderings(exposer)
    first = finished(renderings, renderings.join(ALL))
    assert first.has_failed
    exposer.slices = ()
    assert text_of(renderings, renderings.join(ALL)) == b"renderings_total 2\n"


def test_one_that_was_interrupted_is_done_too():
    def interrupt():
        raise KeyboardInterrupt

    exposer = StandIn(interrupt)
    renderings = Renderings(exposer)
    rendering = renderings.join(ALL)
    renderings.advance()
    with pytest.raises(KeyboardInterrupt):
        renderings.advance()
    assert rendering.is_done
    assert rendering.has_failed
    exposer.slices = ()
    assert text_of(renderings, renderings.join(ALL)) == b"renderings_total 2\n"


def test_small_slices_go_out_together():
    renderings = Renderings(StandIn(*[b"a 1\n"] * 20_000))
    pieces = list(finished(renderings, renderings.join(ALL)).pieces())
    assert len(pieces) == 3
    assert b"".join(pieces) == b"renderings_total 1\n" + b"a 1\n" * 20_000


def test_slow_readers_cannot_keep_any_number_of_renderings(monkeypatch):
    monkeypatch.setattr(module, "HELD_BYTES", 100_000)
    renderings = Renderings(StandIn(b"x" * 40_000, b"y" * 10_000))
    readers = []
    for _ in range(20):
        reader = finished(renderings, renderings.join(ALL)).pieces()
        next(reader)
        readers.append(reader)
    whole = []
    for reader in readers:
        try:
            whole.append(len(b"".join(reader)))
        except BrokenOffError as error:
            assert "too slow" in str(error)  # noqa: PT017 - either is fine, but for the number of each
            whole.append(None)
    kept = module.HELD_RENDERINGS + 1
    assert whole == [None] * (20 - kept) + [10_000] * kept


def test_small_renderings_are_kept_for_as_many_slow_readers_as_there_are():
    renderings = Renderings(StandIn(b"a 1\n"))
    readers = [finished(renderings, renderings.join(ALL)).pieces() for _ in range(50)]
    assert {b"".join(reader) for reader in readers} == {f"renderings_total {n}\na 1\n".encode() for n in range(1, 51)}


def test_who_waits_for_another_thread_waits_no_longer_than_said():
    entered, let_go = threading.Event(), threading.Event()

    def held_up():
        entered.set()
        let_go.wait(30)
        return b""

    renderings = Renderings(StandIn(held_up))
    rendering = renderings.join(ALL)
    other = threading.Thread(target=finished, args=(renderings, rendering))
    other.start()
    assert entered.wait(30)
    assert not renderings.advance()
    assert not renderings.advance(0.01)
    let_go.set()
    other.join()
    assert renderings.advance(0.01)


def test_a_forked_child_does_not_wait_for_its_parents_threads():
    entered, let_go = threading.Event(), threading.Event()

    def held_up():
        entered.set()
        let_go.wait(30)
        return b""

    exposer = StandIn(held_up)
    renderings = Renderings(exposer)
    rendering = renderings.join(ALL)
    other = threading.Thread(target=finished, args=(renderings, rendering))
    other.start()
    assert entered.wait(30)

    def child():
        exposer.slices = ()
        return text_of(renderings, renderings.join(ALL)).decode()

    try:
        assert answer_of_a_child(child) == "renderings_total 2\n"
    finally:
        let_go.set()
        other.join()


def test_many_threads_get_whole_and_fresh_answers():
    exposer = StandIn(*[b"x 1\n"] * 50)
    renderings = Renderings(exposer)
    texts = []

    def ask():
        for _ in range(20):
            before = exposer.begun
            rendering = renderings.join(ALL)
            while not rendering.is_done:
                renderings.advance(10)
            texts.append((before, b"".join(rendering.pieces())))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(texts) == 160
    for before, text in texts:
        head, _, rest = text.partition(b"\n")
        assert int(head.split()[1]) > before
        assert rest == b"x 1\n" * 50

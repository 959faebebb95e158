"""Installs of one library: patched from the first to the last, whoever comes and goes, and from where."""

from __future__ import annotations

import threading

import pytest

from polymeter.events import EventDispatcher
from polymeter.sources.health import Tally
from polymeter.sources.installs import Installs
from polymeter.subscription import Subscription


class Library:
    """Says how often it is patched; patching may take as long as a test likes."""

    def __init__(self):
        self.patched = 0
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()
        self.inside = None

    def patch(self):
        self.begun.set()
        assert self.go_on.wait(10)
        if self.inside is not None:
            self.inside()
        self.patched += 1
        return Subscription(self.unpatch)

    def unpatch(self):
        self.patched -= 1


@pytest.fixture
def library():
    return Library()


@pytest.fixture
def installs(library):
    return Installs(library.patch)


def install(installs, events=None):
    return installs.add(events or EventDispatcher(), None, Tally())


def test_the_first_install_patches_and_the_last_cancel_restores(library, installs):
    first, second = install(installs), install(installs)
    assert (library.patched, len(installs.audience.to)) == (1, 2)
    first.cancel()
    assert (library.patched, len(installs.audience.to)) == (1, 1)
    second.cancel()
    assert (library.patched, len(installs.audience.to)) == (0, 0)
    install(installs).cancel()
    assert library.patched == 0


def test_a_dispatcher_hears_once_however_often_it_was_installed_on(library, installs):
    events = EventDispatcher()
    first, second = install(installs, events), install(installs, events)
    assert len(installs.audience.to) == 1
    assert len(installs.audience.tallies) == 2
    first.cancel()
    assert len(installs.audience.to) == 1
    second.cancel()
    assert library.patched == 0


def test_a_patch_that_fails_leaves_no_install_behind(library, installs):
    library.inside = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        install(installs)
    library.inside = None
    install(installs).cancel()
    assert (library.patched, installs.audience.to) == (0, ())


def test_a_finaliser_may_install_and_cancel_while_the_library_is_patched(library, installs):
    """On the same thread, in the middle of it."""
    library.inside = lambda: install(installs).cancel()
    subscription = install(installs)
    assert (library.patched, len(installs.audience.to)) == (1, 1)
    subscription.cancel()
    assert library.patched == 0


def test_a_cancel_never_waits_for_a_thread_that_patches(library, installs):
    """That one could be waiting for an import of this thread."""
    library.go_on.clear()
    kept = []
    patching = threading.Thread(target=lambda: kept.append(install(installs)))
    patching.start()
    assert library.begun.wait(10)
    entry = installs._all[0]
    installs._remove(entry)  # as another thread's finaliser would
    library.go_on.set()
    patching.join()
    assert (library.patched, installs.audience.to) == (0, ())


def test_an_install_waits_until_the_library_is_patched(library, installs):
    """So that the first call after it is heard."""
    library.go_on.clear()
    seen = []

    def second():
        library.begun.wait(10)
        threading.Timer(0.05, library.go_on.set).start()
        install(installs)
        seen.append((library.patched, len(installs.audience.to)))

    threads = [threading.Thread(target=install, args=(installs,)), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [(1, 2)]


def test_installs_from_many_threads_add_up(library, installs):
    together = threading.Barrier(8)

    def come_and_go():
        together.wait()
        for _ in range(200):
            with install(installs):
                assert library.patched == 1

    threads = [threading.Thread(target=come_and_go) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (library.patched, installs.audience.to, installs._all) == (0, (), [])

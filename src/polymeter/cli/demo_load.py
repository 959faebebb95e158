"""The demo's load: threads and tasks that make one call after the other until they are told to stop."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from random import Random
from typing import TYPE_CHECKING, Final

from polymeter.cli.demo_calls import Deck, for_tasks, for_threads
from polymeter.cli.demo_clients import async_client, make, make_async, sync_client
from polymeter.cli.demo_ledger import Ledger
from polymeter.cli.demo_stage import Stage

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI

    from polymeter.cli.demo_calls import Call
    from polymeter.testing.provider import Provider

__all__ = ["Load"]

_THREADS: Final = 3
_TASKS: Final = 6
_CANCELLED: Final = "cancelled"
_REST: Final = 0.1
"""Seconds that a caller thinks between two calls, at most."""


class Load:
    """Makes calls from the moment it is made until ``stop()``.

    :param provider: whom the calls go to; its ``default`` is replaced.
    :param seed: for the order and the sizes of what happens.
    :ivar ledger: what was done.
    """

    def __init__(self, provider: Provider, seed: int) -> None:
        self.ledger = Ledger()
        self._base_url = provider.base_url
        self._seed = seed
        self._stage = Stage()
        provider.default = self._stage.step_for
        self._stop = threading.Event()
        # Daemons: they must not hold up a program that is told to end at once.
        self._workers = [
            threading.Thread(target=work, name=f"demo-{work.__name__.strip('_')}", daemon=True)
            for work in (self._threads, self._tasks)
        ]
        for worker in self._workers:
            worker.start()

    def stop(self, patience: float) -> bool:
        """Let every caller end the call it is in, then forget what was abandoned.

        :param patience: seconds to wait for that.
        :return: whether all of them have ended.
        """
        self._stop.set()
        deadline = time.monotonic() + patience
        for worker in self._workers:
            worker.join(max(0.0, deadline - time.monotonic()))
        return not any(worker.is_alive() for worker in self._workers)

    # -- threads

    def _threads(self) -> None:
        deck = Deck(for_threads(), Random(f"{self._seed} threads"))  # noqa: S311 -- no secrets
        with sync_client(self._base_url) as client:
            callers = [
                threading.Thread(target=self._call_in_thread, args=(client, deck, number), daemon=True)
                for number in range(_THREADS)
            ]
            for caller in callers:
                caller.start()
            for caller in callers:
                caller.join()
            gc.collect()

    def _call_in_thread(self, client: OpenAI, deck: Deck, number: int) -> None:
        rng = Random(f"{self._seed} thread {number}")  # noqa: S311 -- as above
        while not self._stop.wait(rng.uniform(0, _REST)):
            call = deck.deal()
            saw = ""
            with self._stage.on(call) as headers:
                try:
                    make(client, call, headers)
                except Exception as error:  # noqa: BLE001 -- whether it should be is the call's to say
                    saw = _name(error)
            self._write_down(call, saw)

    # -- tasks

    def _tasks(self) -> None:
        asyncio.run(self._call_in_tasks())

    async def _call_in_tasks(self) -> None:
        deck = Deck(for_tasks(), Random(f"{self._seed} tasks"))  # noqa: S311 -- as above
        async with async_client(self._base_url) as client:
            await asyncio.gather(*(self._call_in_task(client, deck, number) for number in range(_TASKS)))
            gc.collect()  # here, where streams that nobody wants any more can still be closed

    async def _call_in_task(self, client: AsyncOpenAI, deck: Deck, number: int) -> None:
        rng = Random(f"{self._seed} task {number}")  # noqa: S311 -- as above
        while not self._stop.is_set():
            call = deck.deal()
            self._write_down(call, await self._made_in_task(client, call))
            await asyncio.sleep(rng.uniform(0, _REST))

    async def _made_in_task(self, client: AsyncOpenAI, call: Call) -> str:
        loop = asyncio.get_running_loop()

        def cancel() -> None:
            loop.call_soon_threadsafe(task.cancel)

        # A stream once it has begun, anything else once the provider has the request: so it always counts as sent.
        late, early = call.manner == "cancel" and call.streamed, call.manner == "cancel" and not call.streamed
        with self._stage.on(call, cancel if early else None) as headers:
            task = asyncio.create_task(make_async(client, call, headers, cancel if late else None))
            await asyncio.wait([task])
        return _CANCELLED if task.cancelled() else _name(task.exception())

    # -- both

    def _write_down(self, call: Call, saw: str) -> None:
        """Keep the books.

        :param saw: what was raised, as text: an exception itself would keep its call alive.
        """
        self.ledger.made(call)
        if call.manner == "cancel":
            as_meant = saw == _CANCELLED
        else:
            as_meant = saw != _CANCELLED and bool(saw) == (call.outcome == "error")
        if not as_meant:
            self.ledger.surprised(call, saw or "nothing was raised")


def _name(error: BaseException | None) -> str:
    return "" if error is None else f"{type(error).__name__}: {error}"

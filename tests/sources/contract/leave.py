"""A program that opens two streams and exits while they are open: ``leave.py ADAPTER BASE_URL FILE``.

It writes a line to ``FILE`` for each start and for each end (with the number of attempts), also during its exit.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
from pathlib import Path

from polymeter.events import EventDispatcher
from polymeter.events.inference import InferenceCompleted, InferenceStarted

KEPT = []  # what is open when the interpreter goes


def main(adapter_name: str, base_url: str, file: str) -> None:
    module, _, name = adapter_name.partition(":")
    adapter = getattr(importlib.import_module(module), name)()
    told = Path(file)

    def tell(line: str) -> None:
        with told.open("a") as lines:
            lines.write(f"{line}\n")

    events = EventDispatcher()
    events.add_listener(InferenceStarted, lambda _: tell("started"))
    events.add_listener(InferenceCompleted, lambda event: tell(f"{event.outcome}-{event.attempt_count}"))
    KEPT.append(adapter.source().install(events))
    client = adapter.client(base_url).__enter__()
    stream = iter(adapter.open(client))
    next(stream)
    KEPT.extend([client, stream])

    async def leave() -> None:
        client = await adapter.aclient(base_url).__aenter__()
        stream = aiter(await adapter.aopen(client))
        await anext(stream)
        KEPT.extend([client, stream])

    asyncio.run(leave())


if __name__ == "__main__":
    main(*sys.argv[1:])

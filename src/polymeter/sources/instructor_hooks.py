"""Where instructor is listened to: the methods of its clients that ask for something of a shape.

Each call gets handlers of its own for instructor's hooks, beside those of the client and of the caller, so clients
that exist already are seen too. A success has no hook: it is a call that returns.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
from typing import TYPE_CHECKING, Any, Final, cast

from polymeter.sources.installs import Installs
from polymeter.sources.instructor_errors import name_of
from polymeter.sources.instructor_runs import StructuredOutputEmitters, StructuredOutputRun
from polymeter.sources.patching import Hooks, patch_method

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator
    from types import ModuleType

    from polymeter.subscription import Subscription

__all__ = ["INSTRUCTOR_INSTALLS"]

_METHODS: Final = ("create", "create_partial", "create_iterable", "create_with_completion")

# instructor's names of providers -> those of the OpenTelemetry GenAI conventions. Others are told as it says them.
_PROVIDERS: Final = {
    "azure_openai": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "genai": "gcp.gemini",
    "generative-ai": "gcp.gemini",
    "google": "gcp.gemini",
    "mistral": "mistral_ai",
    "vertexai": "gcp.vertex_ai",
    "xai": "x_ai",
}


class _Hooks(Hooks):
    """Makes the wrappers, each from a callable that does what was there before."""

    def __init__(self, instructor: ModuleType) -> None:
        super().__init__()
        self._instructor = instructor

    def _patches(self) -> Iterator[Subscription]:
        owners: tuple[type, ...] = self._instructor.Instructor, self._instructor.AsyncInstructor
        for owner, name in itertools.product(owners, _METHODS):
            if name in vars(owner):
                yield patch_method(owner, name, self._around(cast("Callable[..., Any]", vars(owner)[name])))

    def _around(self, method: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        names = tuple(inspect.signature(method).parameters)[1:]
        if inspect.iscoroutinefunction(method):
            return lambda below: self._asynchronous(below, names)
        return lambda below: self._synchronous(below, names)

    def _begin(
        self, client: Any, names: tuple[str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[StructuredOutputRun, dict[str, Any]] | None:
        """Give a run, and the arguments by name with its handlers among them."""
        audience = INSTRUCTOR_INSTALLS.audience
        if not (self._installed and audience.listening):
            return None
        try:
            given = {**dict(zip(names, args, strict=False)), **kwargs}
            schema = given.get("response_model")
            if schema is None or len(given) < len(args) + len(kwargs):
                return None  # what it gives has no shape; or there is too much, of which Python says so
            provider = getattr(client.provider, "value", "unknown")
            model = given.get("model") or client.kwargs.get("model") or getattr(client, "default_model", None)
            run = StructuredOutputRun(
                cast("tuple[StructuredOutputEmitters, ...]", audience.to),
                audience.tallies,
                schema,
                {
                    "model": model if isinstance(model, str) else "unknown",
                    "provider": _PROVIDERS.get(provider, provider),
                    "response_model": name_of(schema),
                },
            )
            ours = type(client.hooks)()
            ours.on("completion:kwargs", run.asked)
            ours.on("parse:error", run.did_not_fit)
            theirs = given.get("hooks")
            given["hooks"] = ours if theirs is None else theirs + ours
            run.start()
        except Exception:  # noqa: BLE001 - the host must not notice
            audience.surprised()
            return None
        return run, given

    def _synchronous(self, below: Callable[..., Any], names: tuple[str, ...]) -> Callable[..., Any]:
        def create(client: Any, /, *args: Any, **kwargs: Any) -> Any:
            begun = self._begin(client, names, args, kwargs)
            if begun is None:
                return below(client, *args, **kwargs)
            run, given = begun
            try:
                result = below(client, **given)
            except BaseException as error:
                run.failed(error)
                raise
            return _followed(result, run)

        return create

    def _asynchronous(self, below: Callable[..., Any], names: tuple[str, ...]) -> Callable[..., Any]:
        async def create(client: Any, /, *args: Any, **kwargs: Any) -> Any:
            begun = self._begin(client, names, args, kwargs)
            if begun is None:
                return await below(client, *args, **kwargs)
            run, given = begun
            try:
                result = await below(client, **given)
            except BaseException as error:
                run.failed(error)
                raise
            return _followed(result, run)

        return create


def _followed(result: Any, run: StructuredOutputRun) -> Any:
    """End the run, or give a generator that ends it."""
    if inspect.isgenerator(result):
        result = _items(result, run)
        run.hold(result)
    elif inspect.isasyncgen(result):
        result = _async_items(result, run)
        run.hold(result)
    elif inspect.iscoroutine(result):
        result = _awaited(result, run)
        run.hold(result)
    else:
        run.end("ok")
    return result


def _items(of: Iterable[Any], run: StructuredOutputRun) -> Generator[Any]:
    try:
        yield from of
    except BaseException as error:
        run.failed(error)
        raise
    run.end("ok")


async def _async_items(of: Any, run: StructuredOutputRun) -> AsyncGenerator[Any]:
    try:
        async for item in of:
            yield item
    except BaseException as error:
        run.failed(error)
        raise
    finally:
        await of.aclose()
    run.end("ok")


async def _awaited(of: Any, run: StructuredOutputRun) -> Any:
    try:
        result = await of
    except BaseException as error:
        run.failed(error)
        raise
    return _followed(result, run)


def _patch() -> Subscription:
    return _Hooks(importlib.import_module("instructor")).patch()


INSTRUCTOR_INSTALLS = Installs(_patch, StructuredOutputEmitters)
"""All installs of this process: the clients' classes exist once, whoever makes a source."""

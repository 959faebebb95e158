"""Sources of libraries that want openai 2, in the environment of that name (tools/sdks.toml)."""

from __future__ import annotations

import gc
import importlib
import importlib.metadata
import os
import threading
import warnings
from pathlib import Path

import openai
import pytest


def has_openai_2() -> bool:
    try:
        return importlib.metadata.version("openai").startswith("2.") and bool(importlib.metadata.version("litellm"))
    except importlib.metadata.PackageNotFoundError:
        return False


if has_openai_2():
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else importing it asks a server for prices
    os.environ["LOGGING_EXECUTOR_MAX_THREADS"] = "2"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # older ones import what is deprecated
        importlib.import_module("litellm")
else:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session", autouse=True)
def litellm():
    """Import LiteLLM, keep it quiet, and have its threads there before the first test: they never end."""
    import litellm

    litellm.suppress_debug_info = True
    litellm.disable_aiohttp_transport = True  # else its clients for any server are never closed
    from litellm.litellm_core_utils.thread_pool_executor import executor

    together = threading.Barrier(executor._max_workers + 1)
    for _ in range(executor._max_workers):
        executor.submit(together.wait)
    together.wait()
    yield litellm
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()  # event loops that its threads made and forgot


@pytest.fixture(autouse=True)
def nothing_kept(litellm):
    """Take away the clients and the callbacks that LiteLLM keeps for later."""
    yield
    litellm.logging_callback_manager._reset_all_callbacks()
    kept = litellm.in_memory_llm_clients_cache
    for client in kept.cache_dict.values():
        if isinstance(client, openai.OpenAI):
            client.close()
    kept.flush_cache()


# Of LiteLLM: about its own models and imports, and about event loops that its threads make and forget.
NOT_OURS = ["ignore::UserWarning", "ignore::DeprecationWarning", "ignore::ResourceWarning"]


def pytest_collection_modifyitems(items):
    """Have warnings of LiteLLM's own making be no errors, in this folder."""
    here = str(Path(__file__).parent)
    for item in items:
        if str(item.path).startswith(here):
            for warning in NOT_OURS:
                item.add_marker(pytest.mark.filterwarnings(warning))

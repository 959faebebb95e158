"""The installed OpenAI SDK and the HTTP library below it: httpx2, or httpx below the second major release."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import openai

MAJOR = int(openai.__version__.partition(".")[0])
HTTP: Any = importlib.import_module("httpx2" if MAJOR >= 3 else "httpx")

# What older releases of the second one do not do.
GIVES_UP_ON_LONG_WAITS = hasattr(openai._base_client, "MAX_RETRY_AFTER_DELAY")
CLOSES_WHAT_IS_DROPPED = "finally" in inspect.getsource(openai.Stream.__stream__)

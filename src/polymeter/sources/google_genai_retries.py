"""Whether the Google GenAI SDK will repeat a request that failed: asked of its own rules, in the way that it does."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, cast

__all__ = ["will_retry"]


def will_retry(client: Any, http_options: Any, tries: int, error: Exception, *, asynchronous: bool) -> bool:
    """Say whether another request follows.

    The SDK hands its requests to ``tenacity``, which decides after the request has failed and tells nobody but its
    own log. The options of one request, if they say anything of retries, win over those of the client.

    :param tries: how many requests were sent, the failed one included.
    :raises Exception: if the SDK is not as it is known to be.
    """
    tenacity: Any = importlib.import_module("tenacity")
    options = _retry_options(http_options)
    if options is None:
        retrying = client._async_retry if asynchronous else client._retry  # noqa: SLF001 - made once per client
    else:
        retrying = tenacity.Retrying(**importlib.import_module("google.genai._api_client").retry_args(options))
    state = tenacity.RetryCallState(retrying, None, (), {})
    state.attempt_number = tries
    state.set_exception((type(error), error, error.__traceback__))
    return bool(retrying.retry(state)) and not retrying.stop(state)


def _retry_options(http_options: Any) -> Any:
    if isinstance(http_options, Mapping):
        if not cast("Mapping[str, Any]", http_options).get("retry_options"):
            return None
        types: Any = importlib.import_module("google.genai.types")
        http_options = types.HttpOptions.model_validate(http_options)
    return getattr(http_options, "retry_options", None)

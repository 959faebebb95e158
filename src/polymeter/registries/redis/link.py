"""Link: the connection to Redis, and what its failures are called."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from polymeter.errors import DefinitionError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Mapping


__all__ = ["Link", "LinkError"]

_SECONDS: Final = 2.0
"""What one step of a conversation (connecting, a write, a read) may take, unless somebody says otherwise."""

_TAKEN: Final = frozenset(
    {
        "client_name",
        "credential_provider",
        "db",
        "host",
        "password",
        "path",
        "port",
        "socket_keepalive",
        "username",
    }
)
"""What is taken over from a client of the user's, beside its TLS."""

_REASONS: Final = {
    "OOM": "memory",
    "WRONGTYPE": "wrong_type",
    "NOAUTH": "auth",
    "WRONGPASS": "auth",
    "NOPERM": "auth",
    "READONLY": "readonly",
    "MISCONF": "disk",
    "LOADING": "loading",
    "BUSY": "busy",
    "MASTERDOWN": "readonly",
    "CLUSTERDOWN": "readonly",
}


class LinkError(Exception):
    """Redis did not do it.

    :ivar reason: why, in one word: ``refused``, ``timeout``, ``reset``, ``auth``, ``memory`` (``maxmemory`` reached),
        ``wrong_type`` (the key holds something else), ``readonly``, ``disk``, ``loading``, ``busy``, ``error``.
    :ivar is_answer: whether Redis itself said so, and so has changed nothing.
    """

    def __init__(self, reason: str, *, is_answer: bool) -> None:
        super().__init__(reason)  # never what the library says: that could name users, hosts and keys
        self.reason = reason
        self.is_answer = is_answer


class Link:
    """Runs scripts in one Redis. One thread at a time.

    It has connections of its own; a forked child makes new ones.

    :ivar where: host, port and number of the database, for humans; no secret.
    """

    def __init__(self, url: str | None, client: Any, options: Mapping[str, Any]) -> None:
        """Connect to nothing yet.

        :param url: as redis-py understands it.
        :param client: a ``redis.Redis`` or ``redis.asyncio.Redis`` to connect as.
        :param options: for redis-py.
        :raises MissingExtraError: without redis-py.
        :raises DefinitionError: for an address or options that cannot be.
        """
        self._library = _library()
        self._pool_class, self._settings = self._settings_of(url, client, options)
        settings = self._settings
        host = settings.get("path") or f"{settings.get('host', 'localhost')}:{settings.get('port', 6379)}"
        self.where = f"{host}/{settings.get('db') or 0}"
        self._scripts = {name: _script(name) for name in ("merge", "read")}
        self._redis: Any = self._connected()
        try:
            self._redis.connection_pool.make_connection()  # it is not connected by that
        except Exception as error:  # noqa: BLE001 - what redis-py does not take
            why = str(error) if isinstance(error, TypeError) else type(error).__name__
            message = f"RedisRegistry: redis-py does not take these options: {why}"
            raise DefinitionError(message) from None

    def _settings_of(self, url: str | None, client: Any, options: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        if client is not None:
            pool: Any = getattr(client, "connection_pool", None)
            if type(pool).__name__ not in {"ConnectionPool", "BlockingConnectionPool"}:
                message = (
                    f"RedisRegistry(client={type(client).__name__}): give a redis.Redis or redis.asyncio.Redis of one "
                    "server, or its URL"
                )
                raise DefinitionError(message)
            theirs = pool.connection_kwargs
            said = {name: value for name, value in theirs.items() if name in _TAKEN or name.startswith("ssl_")}
            said["connection_class"] = getattr(self._library.connection, pool.connection_class.__name__, None)
        else:
            try:
                said = dict(self._library.connection.parse_url(url))
            except Exception:  # noqa: BLE001 - whatever it says could show the password
                message = (
                    "RedisRegistry: this is no URL of a Redis: redis://user:password@host:6379/0, rediss://, unix://"
                )
                raise DefinitionError(message) from None
        connection_class = said.pop("connection_class", None) or self._library.Connection
        settings = {"socket_timeout": _SECONDS, "socket_connect_timeout": _SECONDS, "protocol": 2}
        return connection_class, {**settings, **said, **options, "decode_responses": False}

    def _connected(self) -> Any:
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        pool = self._library.ConnectionPool(
            connection_class=self._pool_class, max_connections=2, retry=Retry(NoBackoff(), 0), **self._settings
        )
        return self._library.Redis(connection_pool=pool)

    def connect(self) -> None:
        """Use new connections from now on, and leave the old ones alone: in a forked child they are the parent's."""
        self._redis = self._connected()

    def close(self) -> None:
        """Close the connections; the next call makes new ones."""
        self._redis.connection_pool.disconnect()

    def run(self, script: str, keys: list[str], *arguments: str) -> Any:
        """Run a script; give its answer.

        :raises LinkError: if that did not come about, or is not known.
        """
        source, digest = self._scripts[script]
        errors = self._library.exceptions
        try:
            try:
                return self._redis.execute_command("EVALSHA", digest, len(keys), *keys, *arguments)
            except errors.NoScriptError:
                return self._redis.execute_command("EVAL", source, len(keys), *keys, *arguments)
        except Exception as error:  # noqa: BLE001 - whatever the library raises
            raise self._named(error) from None

    def _named(self, error: Exception) -> LinkError:
        errors = self._library.exceptions
        known: tuple[tuple[Any, str, bool], ...] = (
            ((errors.AuthenticationError, errors.AuthorizationError, errors.NoPermissionError), "auth", True),
            (errors.BusyLoadingError, "loading", True),
            ((errors.TimeoutError, TimeoutError), "timeout", False),
            (errors.ReadOnlyError, "readonly", True),
            (errors.OutOfMemoryError, "memory", True),
        )
        for kinds, reason, is_answer in known:
            if isinstance(error, kinds):
                return LinkError(reason, is_answer=is_answer)
        if isinstance(error, errors.ResponseError):
            # Of an error inside of a script the word is somewhere in the text, and may have lost the first place.
            words = str(error).replace("-", " ").replace(":", " ").split()
            return LinkError(next((_REASONS[word] for word in words if word in _REASONS), "error"), is_answer=True)
        if isinstance(error, errors.ConnectionError):
            return LinkError("refused" if "connecting to" in str(error) else "reset", is_answer=False)
        return LinkError("error", is_answer=False)


def _library() -> Any:
    try:
        import redis
    except ImportError:
        message = "RedisRegistry needs redis-py: pip install 'polymeter[redis]'"
        raise MissingExtraError(message) from None
    return redis


def _script(name: str) -> tuple[str, str]:
    source = files("polymeter.registries.redis").joinpath(f"{name}.lua").read_text("utf-8")
    return source, hashlib.sha1(source.encode()).hexdigest()  # noqa: S324 - by which Redis knows a script

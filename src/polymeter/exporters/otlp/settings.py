"""Settings: where to and how, from what was given and what the environment says."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from polymeter.errors import DefinitionError
from polymeter.exporters.http.address import address_of

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from polymeter.exporters.http.route import Tls
    from polymeter.exporters.otlp.environment import Environment

__all__ = ["PROTOCOLS", "Compression", "Path", "Protocol", "Settings", "one_of", "settings_of"]

Protocol: TypeAlias = Literal["http/protobuf", "http/json", "grpc"]
PROTOCOLS: Final[tuple[Protocol, ...]] = get_args(Protocol)
Compression: TypeAlias = Literal["gzip", "none"]
Path: TypeAlias = "str | os.PathLike[str]"

_COMPRESSIONS: Final[tuple[Compression, ...]] = get_args(Compression)
_HTTP: Final = "http://localhost:4318"
_GRPC: Final = "http://localhost:4317"
_PATH: Final = "/v1/metrics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where to and how.

    :ivar endpoint: the URL that is posted to; for gRPC only scheme, host and port count.
    :ivar timeout: seconds of one export, if that is less than its deadline.
    :ivar authorities: PEM file of those who are trusted, or a context.
    """

    protocol: Protocol
    endpoint: str = field(repr=False)
    headers: Mapping[str, str] | None = field(repr=False)
    timeout: float | None
    gzip: bool
    authorities: Tls | None
    certificate: Path | None
    key: Path | None

    def tls_of_http(self) -> Tls | None:
        """Give whom to trust, and with a certificate of one's own a context that shows it.

        :raises DefinitionError: if a file cannot be read.
        """
        if self.certificate is None or not self.endpoint.lower().startswith("https://"):
            return self.authorities or self.certificate  # of no use, if there is no TLS: whoever takes it says so
        if isinstance(self.authorities, ssl.SSLContext):
            message = "tls= is a context: load the client's certificate into that, by its load_cert_chain()"
            raise DefinitionError(message)
        try:
            context = ssl.create_default_context(cafile=self.authorities)
            context.load_cert_chain(self.certificate, self.key)
        except OSError as error:  # ssl.SSLError is one
            message = f"cannot use the client's certificate {self.certificate!s} with {self.authorities!s}: {error}"
            raise DefinitionError(message) from error
        return context


def settings_of(
    environment: Environment,
    *,
    endpoint: str | None,
    protocol: Protocol | None,
    headers: Mapping[str, str] | None,
    compression: Compression | None,
    timeout: float | None,
    tls: Tls | None,
    certificate: Path | None,
    key: Path | None,
) -> Settings:
    """Put together what was given and, where nothing was, what the environment says.

    :raises DefinitionError: for what cannot be.
    """
    chosen: Protocol = environment.of_exporter("PROTOCOL", {each: each for each in PROTOCOLS}, PROTOCOLS[0], protocol)
    one_of("protocol", chosen, PROTOCOLS)
    compressed: Compression = environment.of_exporter(
        "COMPRESSION", {each: each for each in _COMPRESSIONS}, _COMPRESSIONS[0], compression
    )
    one_of("compression", compressed, _COMPRESSIONS)
    if timeout is not None and not timeout > 0:
        message = f"a time-out of {timeout!r} seconds leaves no time to send anything"
        raise DefinitionError(message)
    url = _endpoint(environment, endpoint, chosen)
    is_tls = url.lower().startswith("https://")
    # Files that the environment names are for whoever needs them: a plain endpoint does not.
    authorities = tls or (environment.found("CERTIFICATE")[1] or None if is_tls else None)
    own = certificate or (environment.found("CLIENT_CERTIFICATE")[1] or None if is_tls else None)
    own_key = key or (environment.found("CLIENT_KEY")[1] or None if is_tls else None)
    if own_key is not None and own is None:
        message = "client_key is of no use without client_certificate"
        raise DefinitionError(message)
    return Settings(
        protocol=chosen,
        endpoint=url,
        headers=headers if headers is not None else environment.pairs("HEADERS"),
        timeout=timeout if timeout is not None else environment.seconds("TIMEOUT"),
        gzip=compressed == "gzip",
        authorities=authorities,
        certificate=own,
        key=own_key,
    )


def _endpoint(environment: Environment, given: str | None, protocol: Protocol) -> str:
    """Give the URL to post to.

    One that is given without a path gets ``/v1/metrics``, as does any that is meant for all signals.
    """
    is_grpc = protocol == "grpc"
    name, said = environment.found("ENDPOINT") if given is None else ("endpoint", given)
    if given is None and is_grpc and said and "://" not in said:
        is_plain = environment.of_exporter("INSECURE", {"true": True, "false": False}, otherwise=False)
        said = f"{'http' if is_plain else 'https'}://{said}"
    if not said and given is None:
        return _GRPC if is_grpc else _HTTP + _PATH
    address = address_of(said, what=name)
    if is_grpc:
        return said
    if name == "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT" or (given is not None and address.path.strip("/")):
        return said
    before, query, after = said.partition("?")
    return before.rstrip("/") + _PATH + query + after


def one_of(what: str, given: object, choices: tuple[str, ...]) -> None:
    """See that something is one of a few words.

    :raises DefinitionError: if not.
    """
    if given not in choices:
        message = f"there is no {what} {given!r}: use one of {', '.join(map(repr, choices))}"
        raise DefinitionError(message)

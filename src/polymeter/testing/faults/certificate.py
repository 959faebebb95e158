"""A certificate for 127.0.0.1, made when it is needed and trusted by nobody else."""

from __future__ import annotations

import ssl
import subprocess
import tempfile
from functools import cache
from pathlib import Path

__all__ = ["tls_contexts"]

_MAKE = (
    *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"),
    *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"),
)


@cache
def tls_contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Give one for servers, and one for clients that trust them; the same ones for the whole process.

    :raises RuntimeError: if the program ``openssl``, which makes the certificate, is not there or fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = Path(folder, "key.pem"), Path(folder, "certificate.pem")
        try:
            subprocess.run(  # noqa: S603 - with arguments of ours alone
                [*_MAKE, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True, timeout=30
            )
        except (OSError, subprocess.SubprocessError) as error:
            message = "a fault server with tls=True needs the program openssl to make its certificate"
            raise RuntimeError(message) from error
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(certificate, key)
        return server, ssl.create_default_context(cafile=str(certificate))

"""A certificate for 127.0.0.1, made for the tests."""

from __future__ import annotations

import shutil
import subprocess

import pytest

MAKE = (
    *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"),
    *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """Give the paths of a certificate and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("certificate")
    paths = folder / "certificate.pem", folder / "key.pem"
    subprocess.run([*MAKE, "-out", paths[0], "-keyout", paths[1]], check=True, capture_output=True, timeout=30)
    return paths

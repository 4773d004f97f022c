"""Mutual TLS, with certificates of this very test."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from conftest import Connect

from keyside import Metadata, TlsFiles, UnavailableError
from keyside.v1.crypto_pb2 import EncryptResponse

OPENSSL = shutil.which("openssl")
KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]

pytestmark = pytest.mark.skipif(OPENSSL is None, reason="openssl, which makes the certificates, is not installed")


class Encrypts(grpc.GenericRpcHandler):
    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        answer = EncryptResponse(edek=b"\x07").SerializeToString()
        return grpc.unary_unary_rpc_method_handler(lambda _request, _context: answer)


def openssl(*arguments: str, cwd: Path) -> None:
    subprocess.run([str(OPENSSL), *arguments], cwd=cwd, check=True, capture_output=True)


def authority(folder: Path, name: str) -> None:
    files = ["-keyout", f"{name}.key", "-out", f"{name}.pem"]
    openssl("req", "-x509", *KEY, *files, "-days", "2", "-subj", f"/CN={name}", cwd=folder)


def certificate(folder: Path, name: str) -> None:
    openssl("req", *KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}", cwd=folder)
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1")
    signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names", "-days", "2"]
    openssl("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signed, cwd=folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("ca", "other"):
        authority(tmp_path, name)
    for name in ("server", "client"):
        certificate(tmp_path, name)
    return tmp_path


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    pair = ((folder / "server.key").read_bytes(), (folder / "server.pem").read_bytes())
    credentials = grpc.ssl_server_credentials([pair], (folder / "ca.pem").read_bytes(), require_client_auth=True)
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((Encrypts(),))
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(0).wait()


def test_both_sides_prove_who_they_are(connect: Connect, folder: Path, address: str) -> None:
    def encrypt(tls: TlsFiles | None) -> bytes:
        return connect(address, tls=tls, connect_timeout=0.0).encrypt({}, Metadata("acme")).edek

    client = (folder / "client.pem", folder / "client.key")
    assert encrypt(TlsFiles(folder / "ca.pem", *client)) == b"\x07"
    with pytest.raises(UnavailableError, match=r"the TLS handshake failed"):
        encrypt(TlsFiles(folder / "other.pem", *client))
    with pytest.raises(UnavailableError):
        encrypt(TlsFiles(folder / "ca.pem", folder / "other.pem", folder / "other.key"))
    with pytest.raises(UnavailableError):
        encrypt(None)

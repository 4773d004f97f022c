"""The example, over HTTP and against a real daemon."""

from __future__ import annotations

import json
import sqlite3
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from conftest import Connect, Serve
from customers import create_app
from fake_daemon import Failure
from werkzeug.serving import make_server

from keyside import KeysideClient
from keyside.v1 import crypto_pb2

Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "customers.db"


@pytest.fixture
def ask(interop_address: str, database: Path) -> Iterator[Ask]:
    """Sends a request to the served example: status and JSON of the answer."""
    with KeysideClient(address=interop_address) as client:
        server = make_server("127.0.0.1", 0, create_app(f"sqlite:///{database}", client), threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()

        def send(method: str, path: str, tenant: str, body: object = None) -> tuple[int, Any]:
            request = urllib.request.Request(
                f"http://127.0.0.1:{server.port}{path}",
                method=method,
                data=None if body is None else json.dumps(body).encode(),
                headers={"X-Tenant": tenant, "Content-Type": "application/json"},
            )
            try:
                with urllib.request.urlopen(request, timeout=20) as answer:
                    text = answer.read()
                    return answer.status, json.loads(text) if text else None
            except urllib.error.HTTPError as error:
                with error:
                    text = error.read()
                    return error.code, json.loads(text) if error.headers["Content-Type"] == "application/json" else None

        yield send
        server.shutdown()
        thread.join()
        server.server_close()


ADA = {"name": "Ada Lovelace", "ssn": "536-90-4399", "country": "GB"}


def test_stores_no_plaintext_and_gives_it_back(ask: Ask, database: Path) -> None:
    status, created = ask("POST", "/customers", "acme", ADA)
    assert status == 201
    stored = database.read_bytes()
    assert b"GB" in stored
    for secret in (ADA["name"], ADA["ssn"], "Lovelace"):
        assert secret.encode() not in stored
    assert ask("GET", f"/customers/{created['id']}", "acme") == (200, {"id": created["id"], **ADA})
    assert ask("GET", "/customers", "acme") == (200, [{"id": created["id"], **ADA}])


def test_keeps_the_rows_key_where_one_column_changes(ask: Ask, database: Path) -> None:
    _, created = ask("POST", "/customers", "acme", ADA)
    before = rows(database)
    assert ask("PUT", f"/customers/{created['id']}/name", "acme", {"name": "Ada King"})[0] == 204
    after = rows(database)
    assert before[0]["edek"] == after[0]["edek"]
    assert before[0]["ssn_encrypted"] == after[0]["ssn_encrypted"]
    assert before[0]["name_encrypted"] != after[0]["name_encrypted"]
    assert ask("GET", f"/customers/{created['id']}", "acme")[1] == {"id": created["id"], **ADA, "name": "Ada King"}


def test_another_tenant_cannot_read_it(ask: Ask, database: Path) -> None:
    _, created = ask("POST", "/customers", "acme", ADA)
    assert ask("GET", f"/customers/{created['id']}", "globex") == (404, None)
    assert ask("GET", "/customers", "globex") == (200, [])
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE customers SET tenant_id = 'globex'")
    connection.close()
    assert ask("GET", f"/customers/{created['id']}", "globex") == (500, {"error": "CIPHERTEXT_REJECTED"})


def test_rows_cannot_be_exchanged(ask: Ask, database: Path) -> None:
    _, first = ask("POST", "/customers", "acme", ADA)
    _, second = ask("POST", "/customers", "acme", {**ADA, "name": "Grace Hopper"})
    with sqlite3.connect(database) as connection:
        connection.execute(
            "UPDATE customers SET (edek, name_encrypted, ssn_encrypted) ="
            " (SELECT edek, name_encrypted, ssn_encrypted FROM customers WHERE id = ?) WHERE id = ?",
            (first["id"], second["id"]),
        )
    connection.close()
    assert ask("GET", f"/customers/{second['id']}", "acme") == (500, {"error": "CIPHERTEXT_REJECTED"})


def test_stores_nothing_where_keyside_refuses(ask: Ask, database: Path) -> None:
    assert ask("POST", "/customers", "nobody", ADA) == (500, {"error": "TENANT_UNKNOWN"})
    assert rows(database) == []


@pytest.mark.parametrize(
    ("reason", "retry", "status", "levels"),
    [
        ("CIPHERTEXT_REJECTED", None, 500, ["ERROR", "CRITICAL"]),
        ("KEY_REVOKED", None, 409, ["ERROR"]),
        ("POLICY_DENIED", None, 500, ["ERROR"]),
        ("KMS_TIMEOUT", 60.0, 503, ["ERROR"]),
    ],
)
def test_what_fails_is_logged_and_never_not_found(
    serve: Serve,
    connect: Connect,
    database: Path,
    caplog: pytest.LogCaptureFixture,
    reason: str,
    retry: float | None,
    status: int,
    levels: list[str],
) -> None:
    def encrypts(_context: grpc.ServicerContext) -> bytes:
        (sent,) = crypto_pb2.BatchEncryptRequest.FromString(daemon.calls[-1].request).documents
        document = crypto_pb2.EncryptResponse(edek=b"e", fields=sent.fields)
        return crypto_pb2.BatchEncryptResponse(
            results=[crypto_pb2.BatchEncryptResult(id=sent.id, document=document)]
        ).SerializeToString()

    def fails(_context: grpc.ServicerContext) -> bytes:
        (sent,) = crypto_pb2.BatchDecryptRequest.FromString(daemon.calls[-1].request).documents
        error = Failure(grpc.StatusCode.UNKNOWN, f"{reason}: it is so", reason, retry=retry).status()
        return crypto_pb2.BatchDecryptResponse(results=[crypto_pb2.BatchDecryptResult(id=sent.id, error=error)]).SerializeToString()

    daemon = serve(encrypts, fails)
    asked = create_app(f"sqlite:///{database}", connect(daemon.address)).test_client()
    created = asked.post("/customers", json=ADA, headers={"X-Tenant": "acme"})
    assert created.status_code == 201
    answer = asked.get(f"/customers/{created.get_json()['id']}", headers={"X-Tenant": "acme"})
    assert (answer.status_code, answer.get_json()) == (status, {"error": reason})
    assert [record.levelname for record in caplog.records] == levels
    assert caplog.records[0].getMessage() == f"keyside: {reason}: it is so (tenant 'acme', one)"
    ids = [
        crypto_pb2.BatchEncryptRequest.FromString(daemon.calls[0].request).documents[0].id,
        crypto_pb2.BatchDecryptRequest.FromString(daemon.calls[1].request).documents[0].id,
    ]
    assert ids == [f"customers/{created.get_json()['id']}"] * 2


def rows(database: Path) -> list[sqlite3.Row]:
    connection = sqlite3.connect(database)
    connection.row_factory = sqlite3.Row
    try:
        return connection.execute("SELECT * FROM customers").fetchall()
    finally:
        connection.close()

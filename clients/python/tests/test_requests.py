"""What is sent: metadata, headers, addresses; and what documents show of themselves."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from conftest import AsyncConnect, Connect, Serve
from opentelemetry import baggage, context, trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState

from keyside import (
    DecryptItem,
    DefaultMetadata,
    EncryptedDocument,
    EncryptItem,
    KeysideClient,
    Metadata,
    PlaintextDocument,
    RequestInvalidError,
    RewrapItem,
    RewrappedKey,
    TlsFiles,
)
from keyside._target import parse_target
from keyside.v1 import audit_pb2, crypto_pb2, key_pb2

ENCRYPTED = crypto_pb2.EncryptResponse(edek=b"\x07").SerializeToString()


def test_metadata_is_put_together(serve: Serve, connect: Connect) -> None:
    defaults = DefaultMetadata(requester_id="service", purpose="billing", attributes={"region": "eu", "run": "1"})
    daemon = serve(ENCRYPTED)
    metadata = Metadata("acme", purpose="", object_id="4711", attributes={"run": "2"}, context={"row": "1"})
    connect(daemon.address, defaults=defaults).encrypt({"a": "é", "b": memoryview(b"\x00")}, metadata, edek=bytearray(b"\x01"))
    sent = crypto_pb2.EncryptRequest.FromString(daemon.calls[0].request)
    assert sent.tenant_id == "acme"
    assert dict(sent.fields) == {"a": "é".encode(), "b": b"\x00"}
    assert sent.edek == b"\x01"
    assert dict(sent.context) == {"row": "1"}
    assert (sent.metadata.requester_id, sent.metadata.purpose, sent.metadata.object_id) == ("service", "", "4711")
    assert dict(sent.metadata.attributes) == {"region": "eu", "run": "2"}


def test_a_tenant_is_no_default(connect: Connect) -> None:
    with pytest.raises(TypeError, match="defaults must be DefaultMetadata"):
        connect("127.0.0.1:1", defaults=Metadata("acme"))


def test_an_items_context_replaces_the_calls(serve: Serve, connect: Connect) -> None:
    results = [crypto_pb2.BatchRewrapResult(id=str(i), document=crypto_pb2.RewrapResponse(key_id="k")) for i in range(2)]
    daemon = serve(crypto_pb2.BatchRewrapResponse(results=results).SerializeToString())
    items = [RewrapItem(b"e", "0"), RewrapItem(b"e", "1", context={})]
    keys = connect(daemon.address).rewrap_batch(items, Metadata("acme", context={"row": "1"}), target_key_id="next")
    sent = crypto_pb2.BatchRewrapRequest.FromString(daemon.calls[0].request)
    assert [dict(item.context) for item in sent.documents] == [{"row": "1"}, {}]
    assert sent.target_key_id == "next"
    assert keys[0].unwrap() == RewrappedKey(b"", "k", False)


def test_an_event_is_sent(serve: Serve, connect: Connect) -> None:
    daemon = serve(audit_pb2.LogSecurityEventResponse(record_id="r1").SerializeToString())
    client = connect(daemon.address)
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=1)))
    metadata = Metadata("acme", requester_id="ada")
    assert client.log_security_event("USER_LOGIN", metadata, occurred_at=at, target_user_id="u", message="m") == "r1"
    sent = audit_pb2.LogSecurityEventRequest.FromString(daemon.calls[0].request)
    assert (sent.event, sent.metadata.requester_id, sent.target_user_id, sent.message) == ("USER_LOGIN", "ada", "u", "m")
    assert sent.occurred_at.ToDatetime(timezone.utc) == at
    with pytest.raises(ValueError, match="no time zone"):
        client.log_security_event("USER_LOGIN", metadata, occurred_at=datetime(2026, 1, 1))  # noqa: DTZ001
    for given in ({"a": "b"}, {}):
        with pytest.raises(RequestInvalidError, match="no context"):
            client.log_security_event("USER_LOGIN", Metadata("acme", context=given))
    assert len(daemon.calls) == 1


def test_keys_are_told(serve: Serve, connect: Connect) -> None:
    key = key_pb2.KeyConfiguration(key_id="k", provider="aws", state=key_pb2.KEY_CONFIGURATION_STATE_PRIMARY, custody="customer")
    checked = key_pb2.CheckKeyResponse(key=key, usable=True, kms_state="enabled", key_version="3")
    checked.wrap_latency.FromMilliseconds(12)
    daemon = serve(
        checked.SerializeToString(),
        key_pb2.ListKeysResponse(keys=[key, key_pb2.KeyConfiguration(key_id="new", state=9)]).SerializeToString(),  # type: ignore[arg-type]
        key_pb2.DropKeysResponse(dropped=4).SerializeToString(),
    )
    client = connect(daemon.address)
    check = client.check_key("acme")
    assert check.key is not None
    assert (check.key.state, check.usable, check.kms_state, check.key_version) == ("primary", True, "enabled", "3")
    assert (check.wrap_latency, check.unwrap_latency, check.error) == (timedelta(milliseconds=12), None, None)
    assert [(each.key_id, each.state) for each in client.list_keys("acme")] == [("k", "primary"), ("new", "unknown")]
    assert client.drop_keys("acme", "k") == 4
    assert client.is_serving()


async def test_asyncio_has_the_same_calls(serve: Serve, aconnect: AsyncConnect) -> None:
    plain = crypto_pb2.DecryptResponse(fields={"a": b"x"}).SerializeToString()
    daemon = serve(
        ENCRYPTED,
        plain,
        crypto_pb2.RewrapResponse(key_id="k", changed=True).SerializeToString(),
        crypto_pb2.BatchEncryptResponse().SerializeToString(),
        crypto_pb2.BatchDecryptResponse().SerializeToString(),
        crypto_pb2.BatchRewrapResponse().SerializeToString(),
        key_pb2.CheckKeyResponse().SerializeToString(),
        key_pb2.ListKeysResponse().SerializeToString(),
        key_pb2.DropKeysResponse(dropped=1).SerializeToString(),
        audit_pb2.LogSecurityEventResponse(record_id="r").SerializeToString(),
    )
    client, acme = aconnect(daemon.address), Metadata("acme")
    document = await client.encrypt({"a": "x"}, acme)
    assert (await client.decrypt(document, acme)).text("a") == "x"
    assert (await client.rewrap(document.edek, acme)).changed
    assert await client.encrypt_batch([], acme) == []
    assert await client.decrypt_batch([], acme) == []
    assert await client.rewrap_batch([], acme) == []
    assert not (await client.check_key("acme")).usable
    assert await client.list_keys("acme") == []
    assert await client.drop_keys("acme") == 1
    assert await client.log_security_event("USER_LOGIN", acme) == "r"
    assert await client.is_serving()
    assert len({call.method for call in daemon.calls}) == 10


def test_the_trace_context_goes_along_and_baggage_does_not(serve: Serve, connect: Connect) -> None:
    daemon = serve(ENCRYPTED)
    client = connect(daemon.address)
    state = TraceState([("vendor", "x")])
    span = NonRecordingSpan(SpanContext(0xABC, 0xDEF, is_remote=False, trace_flags=TraceFlags(1), trace_state=state))
    token = context.attach(baggage.set_baggage("secret", "value"))
    try:
        with trace.use_span(span):
            client.encrypt({}, Metadata("acme"))
    finally:
        context.detach(token)
    client.encrypt({}, Metadata("acme"))
    within, without = (call.headers for call in daemon.calls)
    assert within["traceparent"] == "00-00000000000000000000000000000abc-0000000000000def-01"
    assert within["tracestate"] == "vendor=x"
    assert "baggage" not in within
    assert "traceparent" not in without


@pytest.mark.parametrize(
    ("address", "uri"),
    [
        ("127.0.0.1:7460", "ipv4:127.0.0.1:7460"),
        ("127.9.9.9:1", "ipv4:127.9.9.9:1"),
        ("[::1]:7460", "ipv6:[::1]:7460"),
        ("localhost:7460", "ipv4:127.0.0.1:7460"),  # whatever a resolver says
        ("LocalHost:1", "ipv4:127.0.0.1:1"),
        ("unix:///run/k%20 y.sock", "unix:/run/k%2520%20y.sock"),
        ("unix:relative.sock", "unix:relative.sock"),
        ("unix:///run/@at.sock", "unix:/run/%40at.sock"),
    ],
)
def test_addresses_of_this_machine(address: str, uri: str) -> None:
    assert parse_target(address, None).uri == uri


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1:7460",
        "example.com:7460",
        "localhost.example.com:7460",
        "0.0.0.0:7460",
        "127.0.0.1",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "http://127.0.0.1:7460",
        "user@127.0.0.1:7460",
        "unix://relative",
        "unix:",
        "unix:@abstract",
        "unix:\0abstract",
        "127.0.0.1.example.com:7460",
        "0177.0.0.1:7460",
        "",
        "127.0.0.1:7460\n",
    ],
)
def test_addresses_that_are_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"address must be|is not this machine"):
        parse_target(address, None)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("[127.0.0.1]:7460", r"\[127.0.0.1\] is no IPv6 address, and brackets are for those alone"),
        ("[::ffff:127.0.0.1]:7460", r"\[::ffff:127.0.0.1\] is an address of IPv4: write it as 127.0.0.1"),
        ("[::ffff:10.0.0.1]:7460", r"\[::ffff:10.0.0.1\] is an address of IPv4: write it as 10.0.0.1"),
    ],
)
def test_addresses_in_the_wrong_form(address: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_target(address, None)


def test_tls_files(tmp_path: Path) -> None:
    files = TlsFiles(tmp_path / "ca", tmp_path / "cert", tmp_path / "key")
    with pytest.raises(FileNotFoundError):
        parse_target("keyside.internal:7460", files)
    with pytest.raises(ValueError, match="takes no TLS files"):
        parse_target("unix:///run/keyside.sock", files)
    for file in (files.ca_file, files.cert_file, files.key_file):
        Path(file).write_bytes(b"-")
    assert parse_target("keyside.internal:7460", files).credentials is not None


@pytest.mark.parametrize("options", [{"timeout": 0}, {"timeout": float("nan")}, {"connect_timeout": -1}])
def test_times_that_are_none(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        KeysideClient(environment={}, **options)  # type: ignore[arg-type]


def test_nothing_shows_bytes_persons_or_context() -> None:
    secret = {"ssn": b"536-90-4399"}
    shown = [
        PlaintextDocument(secret),
        EncryptedDocument(b"536-90", secret),
        EncryptItem({"ssn": "536-90-4399"}, "id"),
        DecryptItem(b"536-90", secret),
        RewrapItem(b"536-90"),
        RewrappedKey(b"536-90", "key", True),
        Metadata("acme", requester_id="536-90", subject_id="536-90", context={"a": "536-90"}, attributes={"a": "536-90"}),
    ]
    for each in shown:
        assert "536-90" not in repr(each)
    assert repr(shown[0]) == "PlaintextDocument(fields=<1 fields>)"


def test_texts_of_a_document() -> None:
    document = PlaintextDocument({"a": "\ufeffé".encode(), "b": b"\xff"})
    assert document.text("a") == "\ufeffé"
    with pytest.raises(KeyError):
        document.text("c")
    with pytest.raises(ValueError, match="the field 'b' is not UTF-8") as caught:
        document.text("b")
    assert not isinstance(caught.value, UnicodeDecodeError)
    assert caught.value.__context__ is None  # UnicodeDecodeError holds the plaintext

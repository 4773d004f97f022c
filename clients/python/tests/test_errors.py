"""What the daemon, a proxy or the transport said, as errors."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import cast

import grpc
import pytest
from conftest import AsyncConnect, Connect, Serve
from fake_daemon import Failure, packed
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

import keyside
from keyside import EncryptItem, InternalError, KeysideError, Metadata, RequestInvalidError
from keyside._error_types import BY_REASON
from keyside.v1 import crypto_pb2, error_pb2

ACME = Metadata("acme")
FIELDS = {"ssn": "123"}
REASONS = sorted(set(error_pb2.ErrorReason.keys()) - {"ERROR_REASON_UNSPECIFIED"})


def failing(reason: str) -> Failure:
    # CANCELLED of a daemon must not be taken for our own.
    facts = {"tenantId": "acme", "keyId": "acme-key", "limitBytes": "3"}
    return Failure(grpc.StatusCode.FAILED_PRECONDITION, f"{reason}: it is so", reason, metadata=facts)


@pytest.mark.parametrize("reason", [name.removeprefix("ERROR_REASON_") for name in REASONS])
def test_each_reason_has_its_type(serve: Serve, connect: Connect, reason: str) -> None:
    with pytest.raises(KeysideError) as caught:
        connect(serve(failing(reason)).address).encrypt(FIELDS, ACME)
    error = caught.value
    name = "".join(word.capitalize() for word in reason.split("_")) + "Error"
    assert type(error) is getattr(keyside, name)
    assert str(error) == f"{reason}: it is so"
    assert (error.reason, error.code, error.retryable) == (reason, "FAILED_PRECONDITION", False)
    assert (error.tenant_id, error.key_id, error.details["limitBytes"]) == ("acme", "acme-key", "3")


def test_each_type_belongs_to_a_reason() -> None:
    assert set(BY_REASON) == {name.removeprefix("ERROR_REASON_") for name in REASONS} | {"UNAVAILABLE"}
    exported = {name for name in keyside.__all__ if re.fullmatch(r"\w+Error", name)}
    assert exported == {kind.__name__ for kind in BY_REASON.values()} | {"KeysideError"}


async def test_asyncio_raises_the_same(serve: Serve, aconnect: AsyncConnect) -> None:
    with pytest.raises(keyside.KeyRevokedError) as caught:
        await aconnect(serve(failing("KEY_REVOKED")).address).encrypt(FIELDS, ACME)
    assert caught.value.key_id == "acme-key"


@pytest.mark.parametrize(
    ("failure", "reason", "message", "retryable"),
    [
        (Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "too large", raw=b""), "RESOURCE_EXHAUSTED", "too large", False),
        (Failure(grpc.StatusCode.UNIMPLEMENTED, "", raw=b""), "UNIMPLEMENTED", "", False),
        (Failure(grpc.StatusCode.NOT_FOUND, "gone", raw=b"\xff\xff"), "NOT_FOUND", "gone", False),
        (Failure(grpc.StatusCode.ABORTED, "theirs", "QUOTA", domain="example.com"), "ABORTED", "theirs", False),
        (Failure(grpc.StatusCode.ABORTED, "NEW_REASON: new", "NEW_REASON"), "NEW_REASON", "new", False),
        (Failure(grpc.StatusCode.DATA_LOSS, "ünïcode", raw=b""), "DATA_LOSS", "ünïcode", False),
    ],
    ids=["transport", "no such method", "unreadable details", "another domain", "a newer daemon", "not ASCII"],
)
def test_others_are_told_as_they_are(
    serve: Serve, connect: Connect, failure: Failure, reason: str, message: str, retryable: bool
) -> None:
    with pytest.raises(KeysideError) as caught:
        connect(serve(failure).address).encrypt(FIELDS, ACME)
    assert type(caught.value) is KeysideError
    assert (caught.value.reason, str(caught.value)) == (reason, f"{reason}: {message}")
    assert caught.value.retryable is retryable
    assert caught.value.tenant_id is None


def test_ours_is_found_among_the_details_of_others(serve: Serve, connect: Connect) -> None:
    theirs = ErrorInfo(reason="QUOTA", domain="example.com", metadata={"tenantId": "other"})
    ours = ErrorInfo(reason="KEY_REVOKED", domain="keyside.dev", metadata={"tenantId": "acme"})
    status = Status(code=9, message="KEY_REVOKED: gone", details=[packed(theirs), packed(ours)])
    failure = Failure(grpc.StatusCode.FAILED_PRECONDITION, "KEY_REVOKED: gone", raw=status.SerializeToString())
    with pytest.raises(keyside.KeyRevokedError) as caught:
        connect(serve(failure).address).encrypt(FIELDS, ACME)
    assert caught.value.tenant_id == "acme"


def test_a_retry_without_a_time_is_none(serve: Serve, connect: Connect) -> None:
    info = ErrorInfo(reason="OVERLOADED", domain="keyside.dev")
    status = Status(code=8, message="OVERLOADED: full", details=[packed(info), packed(RetryInfo())])
    daemon = serve(Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED: full", raw=status.SerializeToString()))
    with pytest.raises(keyside.OverloadedError) as caught:
        connect(daemon.address).encrypt(FIELDS, ACME)
    assert (caught.value.retryable, caught.value.retry_after, len(daemon.calls)) == (False, None, 1)


def test_errors_cross_processes() -> None:
    facts = {"tenantId": "acme"}
    error = keyside.KmsThrottledError(
        "it throttles", reason="KMS_THROTTLED", code="RESOURCE_EXHAUSTED", details=facts, retry_after=1.5
    )
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is keyside.KmsThrottledError
    assert (str(again), again.tenant_id, again.retry_after, again.retryable) == (str(error), "acme", 1.5, True)


def test_the_items_of_a_batch_have_their_own(serve: Serve, connect: Connect) -> None:
    results = [
        crypto_pb2.BatchEncryptResult(id="1", document=crypto_pb2.EncryptResponse(edek=b"\x07")),
        crypto_pb2.BatchEncryptResult(id="2", error=failing("KEY_REVOKED").status()),
    ]
    answer = crypto_pb2.BatchEncryptResponse(results=results).SerializeToString()
    daemon = serve(answer)
    good, bad = connect(daemon.address).encrypt_batch([EncryptItem({}, "1"), EncryptItem({}, "2")], ACME)
    assert (good.id, good.unwrap().edek, good.error) == ("1", b"\x07", None)
    assert (bad.id, bad.document) == ("2", None)
    with pytest.raises(keyside.KeyRevokedError):
        bad.unwrap()


def batch(*ids: str) -> bytes:
    document = crypto_pb2.EncryptResponse(edek=b"\x07")
    results = [crypto_pb2.BatchEncryptResult(id=each, document=document) for each in ids]
    return crypto_pb2.BatchEncryptResponse(results=results).SerializeToString()


async def test_results_in_another_order_are_internal(serve: Serve, connect: Connect, aconnect: AsyncConnect) -> None:
    daemon, items = serve(batch("2", "1")), [EncryptItem({}, "1"), EncryptItem({}, "2")]
    says = "the results are not those of the documents, in their order"
    with pytest.raises(InternalError, match=says):
        connect(daemon.address).encrypt_batch(items, ACME)
    with pytest.raises(InternalError, match=says):
        await aconnect(daemon.address).encrypt_batch(items, ACME)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"\xff\xff", "the answer cannot be read"),
        (batch("1", "2"), "2 results came for 1 documents"),
        (batch("2"), "the results are not those of the documents, in their order"),
        (crypto_pb2.BatchEncryptResponse().SerializeToString(), "0 results came for 1 documents"),
        (
            crypto_pb2.BatchEncryptResponse(results=[crypto_pb2.BatchEncryptResult(id="1")]).SerializeToString(),
            "a result holds neither a document nor an error",
        ),
    ],
    ids=["no message", "too many", "another's", "too few", "an empty result"],
)
def test_what_no_daemon_sends_is_internal(serve: Serve, connect: Connect, answer: bytes, says: str) -> None:
    with pytest.raises(InternalError, match=says):
        connect(serve(answer).address).encrypt_batch([EncryptItem({}, "1")], ACME)


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.encrypt({"\ud800": "x"}, ACME),
        lambda client: client.encrypt({"a": "\udfff"}, ACME),
        lambda client: client.encrypt({}, Metadata("acme", purpose="\ud800")),
        lambda client: client.encrypt({}, Metadata("acme", attributes={"\ud800": "x"})),
        lambda client: client.encrypt({}, Metadata("acme", context={"x": "\ud800"})),
        lambda client: client.list_keys("\ud800"),
        lambda client: client.log_security_event("USER_LOGIN", ACME, message="\ud800"),
    ],
)
def test_text_that_utf8_cannot_hold_is_refused(connect: Connect, call: object) -> None:
    with pytest.raises(RequestInvalidError, match="is not well-formed Unicode") as caught:
        call(connect("127.0.0.1:1"))  # type: ignore[operator]
    assert caught.value.__context__ is None  # UnicodeEncodeError holds the text


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda client: client.encrypt({"a": 1}, ACME), "a field must be bytes, bytearray, memoryview or str, not int"),
        (lambda client: client.encrypt({b"a": "x"}, ACME), "the name of a field must be str, not bytes"),
        (lambda client: client.encrypt("text", ACME), "fields must be a mapping, not str"),
        (lambda client: client.encrypt({}, "acme"), "metadata must be Metadata, not str"),
        (lambda client: client.encrypt({}, Metadata(cast("str", 7))), "tenant_id must be str, not int"),
        (lambda client: client.encrypt({}, ACME, edek="edek"), "edek must be bytes, bytearray or memoryview, not str"),
        (lambda client: client.encrypt({}, ACME, timeout="1"), "timeout must be a number of seconds, not str"),
        (lambda client: client.rewrap(None, ACME), "edek must be bytes, bytearray or memoryview, not NoneType"),
    ],
)
def test_what_is_no_request_is_a_type_error(connect: Connect, call: object, says: str) -> None:
    with pytest.raises(TypeError, match=re.escape(says)):
        call(connect("127.0.0.1:1"))  # type: ignore[operator]


def test_all_reasons_of_the_documentation_are_here() -> None:
    documented = Path(__file__).parents[3] / "docs" / "errors.md"
    if not documented.is_file():
        pytest.skip("docs/errors.md is not beside the package: this is an sdist")
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", documented.read_text("utf-8"), re.MULTILINE)) <= set(BY_REASON)

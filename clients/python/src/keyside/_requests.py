"""Each unary call as a value: what is sent, and what is made of the answer. Nothing here waits or sends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from google.protobuf.message import DecodeError, Message
from grpc_health.v1 import health_pb2

from ._documents import EncryptedDocument, PlaintextDocument, RewrappedKey, StoredDocument
from ._error_types import invalid_request, unexpected_answer
from ._key_answers import checked_key, key_of
from ._keys import Key, KeyCheck
from ._metadata import Metadata, MetadataDefaults
from ._values import BytesLike, checked_bytes, checked_text, ciphertexts_by_name, plaintexts_by_name
from .v1 import audit_pb2, crypto_pb2, key_pb2

T = TypeVar("T")
Answer = TypeVar("Answer", bound=Message)

CRYPTO = "keyside.v1.CryptoService"
_KEYS = "/keyside.v1.KeyService/"
_AUDIT = "/keyside.v1.AuditService/"


@dataclass(frozen=True, slots=True, repr=False)
class Call(Generic[T]):
    """A unary call, ready to be made."""

    method: str
    """As gRPC names it: ``/package.Service/Method``."""
    request: bytes
    read: Callable[[bytes], T]
    """What the answer says. Raises `InternalError` where it is not one that a daemon sends."""


def call_of(method: str, request: Message, answer: type[Answer], read: Callable[[Answer], T]) -> Call[T]:
    """A call of the messages that it is made of."""

    def parsed(message: bytes) -> T:
        return read(message_in(answer, message))

    return Call(method, request.SerializeToString(), parsed)


def message_in(kind: type[Answer], message: bytes) -> Answer:
    """Raises `InternalError` for bytes that are no such message."""
    try:
        return kind.FromString(message)
    except DecodeError:
        raise unexpected_answer("the answer cannot be read") from None


def encrypt(
    defaults: MetadataDefaults, fields: Mapping[str, BytesLike | str], metadata: Metadata, edek: BytesLike | None
) -> Call[EncryptedDocument]:
    """CryptoService.Encrypt."""
    about = defaults.about(metadata)
    request = crypto_pb2.EncryptRequest(
        tenant_id=about.tenant_id,
        fields=plaintexts_by_name(fields),
        metadata=about.metadata,
        edek=optional_bytes(edek, "edek"),
        context=about.context,
    )
    return call_of(f"/{CRYPTO}/Encrypt", request, crypto_pb2.EncryptResponse, encrypted)


def decrypt(defaults: MetadataDefaults, document: StoredDocument, metadata: Metadata) -> Call[PlaintextDocument]:
    """CryptoService.Decrypt."""
    about = defaults.about(metadata)
    request = crypto_pb2.DecryptRequest(
        tenant_id=about.tenant_id,
        fields=ciphertexts_by_name(document.fields),
        metadata=about.metadata,
        edek=checked_bytes(document.edek, "edek"),
        context=about.context,
    )
    return call_of(f"/{CRYPTO}/Decrypt", request, crypto_pb2.DecryptResponse, decrypted)


def rewrap(defaults: MetadataDefaults, edek: BytesLike, metadata: Metadata, target_key_id: str | None) -> Call[RewrappedKey]:
    """CryptoService.Rewrap."""
    about = defaults.about(metadata)
    request = crypto_pb2.RewrapRequest(
        tenant_id=about.tenant_id,
        edek=checked_bytes(edek, "edek"),
        metadata=about.metadata,
        context=about.context,
        target_key_id=checked_text(target_key_id or "", "target_key_id"),
    )
    return call_of(f"/{CRYPTO}/Rewrap", request, crypto_pb2.RewrapResponse, rewrapped)


def log_security_event(
    defaults: MetadataDefaults,
    event: str,
    metadata: Metadata,
    *,
    occurred_at: datetime | None,
    target_user_id: str | None,
    message: str | None,
) -> Call[str]:
    """AuditService.LogSecurityEvent."""
    about = defaults.about(metadata)
    if metadata.context is not None:
        raise invalid_request("an event has no context: nothing is encrypted")
    request = audit_pb2.LogSecurityEventRequest(
        tenant_id=about.tenant_id,
        event=checked_text(event, "event"),
        metadata=about.metadata,
        target_user_id=checked_text(target_user_id or "", "target_user_id"),
        message=checked_text(message or "", "message"),
    )
    if occurred_at is not None:
        if occurred_at.utcoffset() is None:
            raise ValueError("occurred_at has no time zone")
        request.occurred_at.FromDatetime(occurred_at)
    answer = audit_pb2.LogSecurityEventResponse
    return call_of(f"{_AUDIT}LogSecurityEvent", request, answer, lambda said: said.record_id)


def check_key(tenant_id: str, key_id: str | None) -> Call[KeyCheck]:
    """KeyService.CheckKey."""
    request = key_pb2.CheckKeyRequest(tenant_id=checked_text(tenant_id, "tenant_id"), key_id=checked_text(key_id or "", "key_id"))
    return call_of(f"{_KEYS}CheckKey", request, key_pb2.CheckKeyResponse, checked_key)


def list_keys(tenant_id: str) -> Call[list[Key]]:
    """KeyService.ListKeys."""
    request = key_pb2.ListKeysRequest(tenant_id=checked_text(tenant_id, "tenant_id"))
    answer = key_pb2.ListKeysResponse
    return call_of(f"{_KEYS}ListKeys", request, answer, lambda said: [key_of(key) for key in said.keys])


def drop_keys(tenant_id: str, key_id: str | None) -> Call[int]:
    """KeyService.DropKeys."""
    request = key_pb2.DropKeysRequest(tenant_id=checked_text(tenant_id, "tenant_id"), key_id=checked_text(key_id or "", "key_id"))
    return call_of(f"{_KEYS}DropKeys", request, key_pb2.DropKeysResponse, lambda said: said.dropped)


def is_serving() -> Call[bool]:
    """grpc.health.v1.Health.Check."""
    serving = health_pb2.HealthCheckResponse.SERVING
    request = health_pb2.HealthCheckRequest(service=CRYPTO)
    answer = health_pb2.HealthCheckResponse
    return call_of("/grpc.health.v1.Health/Check", request, answer, lambda said: bool(said.status == serving))


def optional_bytes(value: BytesLike | None, what: str) -> bytes:
    """None is sent as no bytes."""
    return b"" if value is None else checked_bytes(value, what)


def encrypted(said: crypto_pb2.EncryptResponse) -> EncryptedDocument:
    """A document that was encrypted."""
    return EncryptedDocument(said.edek, dict(said.fields))


def decrypted(said: crypto_pb2.DecryptResponse) -> PlaintextDocument:
    """A document that was decrypted."""
    return PlaintextDocument(dict(said.fields))


def rewrapped(said: crypto_pb2.RewrapResponse) -> RewrappedKey:
    """A key that was wrapped again."""
    return RewrappedKey(said.edek, said.key_id, said.changed)

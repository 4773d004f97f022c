"""Calls about many documents of one tenant, as values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from google.rpc.status_pb2 import Status

from ._documents import (
    BatchResult,
    DecryptItem,
    EncryptedDocument,
    EncryptItem,
    PlaintextDocument,
    RewrapItem,
    RewrappedKey,
)
from ._error_types import unexpected_answer
from ._metadata import Metadata, MetadataDefaults
from ._requests import CRYPTO, Call, call_of, decrypted, encrypted, optional_bytes, rewrapped
from ._status import from_status
from ._values import checked_bytes, checked_text, ciphertexts_by_name, plaintexts_by_name, texts_by_name
from .v1 import crypto_pb2

T = TypeVar("T")
Sent = TypeVar("Sent", covariant=True)
Message = TypeVar("Message")


def encrypt_batch(
    defaults: MetadataDefaults, documents: Iterable[EncryptItem], metadata: Metadata
) -> Call[list[BatchResult[EncryptedDocument]]]:
    """CryptoService.BatchEncrypt."""
    about = defaults.about(metadata)
    items = [
        crypto_pb2.EncryptDocument(
            id=checked_text(each.id, "id"),
            fields=plaintexts_by_name(each.fields),
            edek=optional_bytes(each.edek, "edek"),
            context=_own_or(each.context, about.context),
        )
        for each in documents
    ]
    request = crypto_pb2.BatchEncryptRequest(tenant_id=about.tenant_id, documents=items, metadata=about.metadata)
    answer = crypto_pb2.BatchEncryptResponse
    return call_of(f"/{CRYPTO}/BatchEncrypt", request, answer, lambda said: _outcomes(said.results, items, encrypted))


def decrypt_batch(
    defaults: MetadataDefaults, documents: Iterable[DecryptItem], metadata: Metadata
) -> Call[list[BatchResult[PlaintextDocument]]]:
    """CryptoService.BatchDecrypt."""
    about = defaults.about(metadata)
    items = [
        crypto_pb2.DecryptDocument(
            id=checked_text(each.id, "id"),
            fields=ciphertexts_by_name(each.fields),
            edek=checked_bytes(each.edek, "edek"),
            context=_own_or(each.context, about.context),
        )
        for each in documents
    ]
    request = crypto_pb2.BatchDecryptRequest(tenant_id=about.tenant_id, documents=items, metadata=about.metadata)
    answer = crypto_pb2.BatchDecryptResponse
    return call_of(f"/{CRYPTO}/BatchDecrypt", request, answer, lambda said: _outcomes(said.results, items, decrypted))


def rewrap_batch(
    defaults: MetadataDefaults, documents: Iterable[RewrapItem], metadata: Metadata, target_key_id: str | None
) -> Call[list[BatchResult[RewrappedKey]]]:
    """CryptoService.BatchRewrap."""
    about = defaults.about(metadata)
    items = [
        crypto_pb2.RewrapDocument(
            id=checked_text(each.id, "id"),
            edek=checked_bytes(each.edek, "edek"),
            context=_own_or(each.context, about.context),
        )
        for each in documents
    ]
    request = crypto_pb2.BatchRewrapRequest(
        tenant_id=about.tenant_id,
        documents=items,
        metadata=about.metadata,
        target_key_id=checked_text(target_key_id or "", "target_key_id"),
    )
    answer = crypto_pb2.BatchRewrapResponse
    return call_of(f"/{CRYPTO}/BatchRewrap", request, answer, lambda said: _outcomes(said.results, items, rewrapped))


class _Result(Protocol[Sent]):
    @property
    def id(self) -> str: ...
    @property
    def document(self) -> Sent: ...
    @property
    def error(self) -> Status: ...
    def WhichOneof(self, oneof_group: str, /) -> str | None: ...  # noqa: N802 - protobuf's name


class _Item(Protocol):
    @property
    def id(self) -> str: ...


def _outcomes(
    results: Iterable[_Result[Message]], items: Sequence[_Item], document_of: Callable[[Message], T]
) -> list[BatchResult[T]]:
    """One for each of the documents that were sent, in their order: nobody may take one document for another."""
    outcomes = [_outcome(result, document_of) for result in results]
    if len(outcomes) != len(items):
        raise unexpected_answer(f"{len(outcomes)} results came for {len(items)} documents")
    if [outcome.id for outcome in outcomes] != [item.id for item in items]:
        raise unexpected_answer("the results are not those of the documents, in their order")
    return outcomes


def _outcome(result: _Result[Message], document_of: Callable[[Message], T]) -> BatchResult[T]:
    kind = result.WhichOneof("outcome")
    if kind == "error":
        return BatchResult(result.id, None, from_status(result.error))
    if kind == "document":
        return BatchResult(result.id, document_of(result.document), None)
    raise unexpected_answer("a result holds neither a document nor an error")


def _own_or(context: Mapping[str, str] | None, shared: dict[str, str]) -> dict[str, str]:
    return shared if context is None else texts_by_name(context, "context")

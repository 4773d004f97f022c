"""Documents as they are handed over and come back. None of them shows its bytes: what is logged by accident tells nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from ._errors import KeysideError
from ._values import BytesLike

T = TypeVar("T")


class StoredDocument(Protocol):
    """A document to decrypt, as it was stored: all of its fields or some. An `EncryptedDocument` is one."""

    @property
    def edek(self) -> BytesLike:
        """The document's encrypted data key."""

    @property
    def fields(self) -> Mapping[str, BytesLike]:
        """Ciphertexts by field name."""


@dataclass(frozen=True, slots=True, repr=False)
class EncryptedDocument:
    """What to store: nothing opens the fields without the EDEK."""

    edek: bytes
    """The encrypted data key."""
    fields: Mapping[str, bytes]
    """Ciphertexts by field name: 29 bytes longer than the plaintext."""

    def __repr__(self) -> str:
        return _shown(self, edek=self.edek, fields=self.fields)


@dataclass(frozen=True, slots=True, repr=False)
class PlaintextDocument:
    """A document that was decrypted: every field verified."""

    fields: Mapping[str, bytes]
    """Plaintexts by field name."""

    def text(self, name: str) -> str:
        """A field as text. Raises `KeyError` where there is no such field, `ValueError` where it is not UTF-8."""
        try:
            return self.fields[name].decode()
        except UnicodeDecodeError:
            # It holds the plaintext. What is raised in here would hold it as well, as its context.
            error = ValueError(f"the field {name!r} is not UTF-8")
        raise error

    def __repr__(self) -> str:
        return _shown(self, fields=self.fields)


@dataclass(frozen=True, slots=True)
class RewrappedKey:
    """A document's key, wrapped again."""

    edek: bytes
    """To store in place of the old one."""
    key_id: str
    """The key configuration that wraps it now."""
    changed: bool
    """False where it was up to date already."""

    def __repr__(self) -> str:
        return f"RewrappedKey(edek=<{len(self.edek)} bytes>, key_id={self.key_id!r}, changed={self.changed})"


@dataclass(frozen=True, slots=True, repr=False)
class EncryptItem:
    """A document of a batch to encrypt."""

    fields: Mapping[str, BytesLike | str]
    """Plaintexts by field name; texts are sent as UTF-8."""
    id: str = ""
    """The caller's name for it, which comes back with its result: at most 1,024 bytes."""
    edek: BytesLike | None = None
    """The EDEK of an existing document, to encrypt under its key. None: a new document."""
    context: Mapping[str, str] | None = None
    """In place of the call's `context`."""

    def __repr__(self) -> str:
        return _shown(self, id=self.id, fields=self.fields)


@dataclass(frozen=True, slots=True, repr=False)
class DecryptItem:
    """A document of a batch to decrypt."""

    edek: BytesLike
    """The document's encrypted data key."""
    fields: Mapping[str, BytesLike]
    """Ciphertexts by field name."""
    id: str = ""
    """The caller's name for it, which comes back with its result: at most 1,024 bytes."""
    context: Mapping[str, str] | None = None
    """In place of the call's `context`."""

    def __repr__(self) -> str:
        return _shown(self, id=self.id, edek=self.edek, fields=self.fields)


@dataclass(frozen=True, slots=True, repr=False)
class RewrapItem:
    """A document of a batch whose key is to be wrapped again. It needs no fields: its ciphertexts stay as they are."""

    edek: BytesLike
    """The document's encrypted data key, or an object's header."""
    id: str = ""
    """The caller's name for it, which comes back with its result: at most 1,024 bytes."""
    context: Mapping[str, str] | None = None
    """In place of the call's `context`."""

    def __repr__(self) -> str:
        return _shown(self, id=self.id, edek=self.edek)


@dataclass(frozen=True, slots=True)
class BatchResult(Generic[T]):
    """What became of one document of a batch: it, or why not. One of `document` and `error` is None."""

    id: str
    """The id given with the document."""
    document: T | None
    error: KeysideError | None

    def unwrap(self) -> T:
        """The document. Raises its error where it has one."""
        if self.error is not None:
            raise self.error
        if self.document is None:
            raise ValueError("the result holds neither a document nor an error")
        return self.document


def _shown(document: object, **parts: BytesLike | str | Mapping[str, object]) -> str:
    shown = [f"{name}={_told(part)}" for name, part in parts.items()]
    return f"{type(document).__name__}({', '.join(shown)})"


def _told(part: BytesLike | str | Mapping[str, object]) -> str:
    if isinstance(part, str):
        return repr(part)
    if isinstance(part, Mapping):
        return f"<{len(part)} fields>"
    return f"<{memoryview(part).nbytes} bytes>"

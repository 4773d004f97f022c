"""The client for threads."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from types import TracebackType

from . import _batches, _exchange, _requests
from ._cancellation import Cancellation
from ._connection import Connection
from ._documents import (
    BatchResult,
    DecryptItem,
    EncryptedDocument,
    EncryptItem,
    PlaintextDocument,
    RewrapItem,
    RewrappedKey,
    StoredDocument,
)
from ._keys import Key, KeyCheck
from ._metadata import DefaultMetadata, Metadata
from ._settings import DEFAULT_CONNECT_TIMEOUT, DEFAULT_MAX_ATTEMPTS, DEFAULT_TIMEOUT, settings_of
from ._sources import ByteSource, RangeReader, Seekable
from ._streams import DecryptedStream, EncryptedStream, Exchange, all_of, part_of
from ._target import TlsFiles
from ._values import BytesLike, checked_count


class KeysideClient:
    """Speaks to a Keyside daemon. Threads share it: make one for the life of the process, and close it at the end, or use ``with``.

    Every method raises `KeysideError` where the call fails, `TypeError` and `ValueError` for what is no request at all. There is no
    fallback: what cannot be encrypted is not stored, not sent, not returned. `timeout` is the deadline of one call in place of the
    client's, in seconds; `cancellation` ends it from another thread.

    A client may be made before a process forks: each process gets a connection of its own. No call should be under way when it does.
    """

    def __init__(
        self,
        *,
        address: str | None = None,
        token_file: str | os.PathLike[str] | None = None,
        tls: TlsFiles | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        connect_timeout: float = DEFAULT_CONNECT_TIMEOUT,
        max_attempts: int = DEFAULT_MAX_ATTEMPTS,
        defaults: DefaultMetadata | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Connects to nobody yet.

        Args:
            address: ``unix:///path`` or ``host:port``. Default: KEYSIDE_ADDRESS of the environment, else 127.0.0.1:7460.
            token_file: File with the bearer token; read again when it changes. Default: KEYSIDE_TOKEN_FILE of the environment, else no
                token.
            tls: Mutual TLS; needed for a daemon on another machine.
            timeout: Deadline of each call with all its attempts, in seconds.
            connect_timeout: How long a daemon is waited for that does not answer yet, in seconds, never beyond the deadline. 0: one
                attempt to connect.
            max_attempts: How often a call is made at most where the daemon names a time to retry after, the first included.
            defaults: What calls say of themselves where they do not say otherwise.
            environment: Where the two variables are looked up. Default: `os.environ`.

        Raises:
            TypeError: for an option of another type, such as `max_attempts` that is no int.
            ValueError: for an address that is malformed, or another machine's without TLS; for a time or `max_attempts` that is too small.
            OSError: for a file of TLS that cannot be read.

        """
        settings = settings_of(
            address=address,
            token_file=token_file,
            tls=tls,
            timeout=timeout,
            connect_timeout=connect_timeout,
            max_attempts=max_attempts,
            defaults=defaults,
            environment=environment,
        )
        self._defaults = settings.defaults
        self._connection = Connection(settings)

    def encrypt(
        self,
        fields: Mapping[str, BytesLike | str],
        metadata: Metadata,
        *,
        edek: BytesLike | None = None,
        timeout: float | None = None,
        cancellation: Cancellation | None = None,
    ) -> EncryptedDocument:
        """Encrypts a document: plaintexts by field name, at most 3 MiB in all unless the daemon is configured otherwise.

        With the `edek` of an existing document the fields are encrypted under its key: an updated column.
        """
        call = _requests.encrypt(self._defaults, fields, metadata, edek)
        return self._connection.call(call, timeout, cancellation)

    def decrypt(
        self,
        document: StoredDocument,
        metadata: Metadata,
        *,
        timeout: float | None = None,
        cancellation: Cancellation | None = None,
    ) -> PlaintextDocument:
        """The plaintexts of all fields of the document, or of those that are given: all verify, or nothing is returned."""
        call = _requests.decrypt(self._defaults, document, metadata)
        return self._connection.call(call, timeout, cancellation)

    def rewrap(
        self,
        edek: BytesLike,
        metadata: Metadata,
        *,
        target_key_id: str | None = None,
        timeout: float | None = None,
        cancellation: Cancellation | None = None,
    ) -> RewrappedKey:
        """Wraps a document's key, or an object's header, again, after the tenant rotated or replaced its key.

        `target_key_id` names the key configuration to wrap under. Default: the tenant's primary key.
        """
        call = _requests.rewrap(self._defaults, edek, metadata, target_key_id)
        return self._connection.call(call, timeout, cancellation)

    def encrypt_batch(
        self,
        documents: Iterable[EncryptItem],
        metadata: Metadata,
        *,
        timeout: float | None = None,
        cancellation: Cancellation | None = None,
    ) -> list[BatchResult[EncryptedDocument]]:
        """Encrypts many documents of one tenant in one call: at most 1,000, and 8 MiB in all, unless the daemon is configured otherwise.

        Each has its own result, in the order of the documents; the call raises only where it fails as a whole. A document without
        `context` has that of the metadata.
        """
        call = _batches.encrypt_batch(self._defaults, documents, metadata)
        return self._connection.call(call, timeout, cancellation)

    def decrypt_batch(
        self,
        documents: Iterable[DecryptItem],
        metadata: Metadata,
        *,
        timeout: float | None = None,
        cancellation: Cancellation | None = None,
    ) -> list[BatchResult[PlaintextDocument]]:
        """Decrypts many documents of one tenant in one call: as `encrypt_batch`."""
        call = _batches.decrypt_batch(self._defaults, documents, metadata)
        return self._connection.call(call, timeout, cancellation)

    def rewrap_batch(
        self,
        documents: Iterable[RewrapItem],
        metadata: Metadata,
        *,
        target_key_id: str | None = None,
        timeout: float | None = None,
        cancellation: Cancellation | None = None,
    ) -> list[BatchResult[RewrappedKey]]:
        """Wraps the keys of many documents of one tenant again in one call: as `encrypt_batch`."""
        call = _batches.rewrap_batch(self._defaults, documents, metadata, target_key_id)
        return self._connection.call(call, timeout, cancellation)

    def encrypt_stream(
        self,
        plaintext: ByteSource,
        metadata: Metadata,
        *,
        detached: bool = False,
        timeout: float | None = None,
        cancellation: Cancellation | None = None,
    ) -> EncryptedStream:
        """Encrypts an object of any size while it is read, in constant memory. The plaintext is not touched before the result is iterated.

        `plaintext` is a file opened for reading bytes, an iterable of bytes, or bytes; it is read in another thread. Errors come out of
        the iteration: `KeysideError`, or what the source raised. The object is whole only where the iteration ends without one.

        Args:
            plaintext: Where the object is read from.
            metadata: For whom.
            detached: True: the header is in `edek` alone, to be stored apart. False: the stream begins with it.
            timeout: Longest wait for the daemon while it is its turn, in seconds. How long the stream lasts is not limited, but the
                daemon ends one whose caller sends or takes nothing for its ``limits.defaultDeadline``, 10 s by default.
            cancellation: Ends it from another thread.

        """
        call = _exchange.encrypt_stream(self._defaults, metadata, detached)
        return EncryptedStream(lambda: Exchange(self._connection, call, timeout, cancellation), plaintext)

    def decrypt_stream(
        self,
        ciphertext: ByteSource,
        metadata: Metadata,
        *,
        edek: BytesLike | None = None,
        timeout: float | None = None,
        cancellation: Cancellation | None = None,
    ) -> DecryptedStream:
        """Decrypts an object of any size while it is read.

        Every byte that comes out was verified, but only where the iteration ends without an error is it known that none is missing: do
        not take what came before for the object. `edek` is the header, where it was stored apart; else the ciphertext begins with it.
        The rest is as for `encrypt_stream`.
        """
        call = _exchange.decrypt_stream(self._defaults, metadata, edek)
        return DecryptedStream(lambda: Exchange(self._connection, call, timeout, cancellation), all_of(ciphertext))

    def decrypt_range(
        self,
        body: RangeReader | Seekable,
        metadata: Metadata,
        *,
        edek: BytesLike,
        offset: int,
        length: int | None = None,
        object_size: int,
        body_start: int = 0,
        timeout: float | None = None,
        cancellation: Cancellation | None = None,
    ) -> DecryptedStream:
        """Decrypts a part of an object, reading nothing of its body but what that part needs.

        Whole, as ever, only where the iteration ends without an error.

        Args:
            body: A seekable file with the body, or a function that is called with an offset and a length within the body and gives
                these bytes, or what they can be read from; for at most three spans, in turn, and in another thread.
            metadata: For whom.
            edek: The object's header.
            offset: The first byte of the plaintext to return.
            length: The number of bytes; what lies beyond the end is left away. Default: to the end.
            object_size: The plaintext's size. Verified where the range reaches the end.
            body_start: Where the body begins in a file: after the header, where the object was not detached. The length of that header,
                even where the EDEK was rewrapped since and has another.
            timeout: As for `encrypt_stream`.
            cancellation: Ends it from another thread.

        """
        part = _exchange.byte_range(offset, length, object_size)
        call = _exchange.decrypt_stream(self._defaults, metadata, edek, part)
        send = part_of(body, checked_count(body_start, "body_start"))
        return DecryptedStream(lambda: Exchange(self._connection, call, timeout, cancellation), send)

    def check_key(
        self,
        tenant_id: str,
        key_id: str | None = None,
        *,
        timeout: float | None = None,
        cancellation: Cancellation | None = None,
    ) -> KeyCheck:
        """Probes a key end to end, the primary one by default: a key that fails is an answer, not an error.

        Costs two or three calls to its KMS.
        """
        return self._connection.call(_requests.check_key(tenant_id, key_id), timeout, cancellation)

    def list_keys(self, tenant_id: str, *, timeout: float | None = None, cancellation: Cancellation | None = None) -> list[Key]:
        """The tenant's key configurations, in the order of the daemon's configuration. Asks no KMS."""
        return self._connection.call(_requests.list_keys(tenant_id), timeout, cancellation)

    def drop_keys(
        self,
        tenant_id: str,
        key_id: str | None = None,
        *,
        timeout: float | None = None,
        cancellation: Cancellation | None = None,
    ) -> int:
        """Makes this daemon forget data keys now: those of one key configuration, or all of the tenant's. How many there were."""
        return self._connection.call(_requests.drop_keys(tenant_id, key_id), timeout, cancellation)

    def log_security_event(
        self,
        event: str,
        metadata: Metadata,
        *,
        occurred_at: datetime | None = None,
        target_user_id: str | None = None,
        message: str | None = None,
        timeout: float | None = None,
        cancellation: Cancellation | None = None,
    ) -> str:
        """Records an event in the tenant's audit trail. Returns the record's id when it is as durable as the daemon's audit mode promises.

        Args:
            event: A name that Keyside knows, such as ``USER_LOGIN``, or ``CUSTOM_`` and capital letters, digits and underscores.
            metadata: Who did it, without `context`: nothing is encrypted.
            occurred_at: When it happened, with a time zone. Default: now.
            target_user_id: The user whom it was done to. Default: the requester.
            message: A sentence for people. Never put a secret here.
            timeout: Deadline in place of the client's, in seconds.
            cancellation: Ends it from another thread.

        Raises:
            AuditUnavailableError: where it is kept nowhere.

        """
        call = _requests.log_security_event(
            self._defaults,
            event,
            metadata,
            occurred_at=occurred_at,
            target_user_id=target_user_id,
            message=message,
        )
        return self._connection.call(call, timeout, cancellation)

    def is_serving(self, *, timeout: float | None = None, cancellation: Cancellation | None = None) -> bool:
        """Whether the daemon takes calls: False while it shuts down. Raises `UnavailableError` where none answers."""
        return self._connection.call(_requests.is_serving(), timeout, cancellation)

    def close(self) -> None:
        """Ends the connection. Calls under way in other threads end with `CancelledError`."""
        self._connection.close()

    def __enter__(self) -> KeysideClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

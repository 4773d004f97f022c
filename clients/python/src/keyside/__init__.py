"""Client of Keyside: encryption of fields and objects under each tenant's own KMS key. Begin at `KeysideClient`."""

from ._async_client import AsyncKeysideClient
from ._async_sources import AsyncByteSource, AsyncRangeReader
from ._async_streams import AsyncByteStream, AsyncDecryptedStream, AsyncEncryptedStream
from ._cancellation import Cancellation
from ._client import KeysideClient
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
from ._error_types import (
    AuditUnavailableError,
    CallerNotAllowedError,
    CallerUnauthenticatedError,
    CancelledError,
    CiphertextRejectedError,
    DeadlineExceededError,
    DrainingError,
    EdekMalformedError,
    InternalError,
    KeyAccessDeniedError,
    KeyDisabledHereError,
    KeyMisconfiguredError,
    KeyNotFoundError,
    KeyRevokedError,
    KmsThrottledError,
    KmsTimeoutError,
    KmsUnavailableError,
    NoPrimaryKeyError,
    OverloadedError,
    PayloadTooLargeError,
    PolicyDeniedError,
    RequestInvalidError,
    TenantUnknownError,
    UnavailableError,
)
from ._errors import KeysideError
from ._keys import Key, KeyCheck, KeyState
from ._metadata import DefaultMetadata, Metadata
from ._sources import ByteSource, RangeReader, Readable, Seekable
from ._streams import ByteStream, DecryptedStream, EncryptedStream
from ._target import TlsFiles
from ._values import BytesLike
from ._version import __version__

__all__ = [
    "AsyncByteSource",
    "AsyncByteStream",
    "AsyncDecryptedStream",
    "AsyncEncryptedStream",
    "AsyncKeysideClient",
    "AsyncRangeReader",
    "AuditUnavailableError",
    "BatchResult",
    "ByteSource",
    "ByteStream",
    "BytesLike",
    "CallerNotAllowedError",
    "CallerUnauthenticatedError",
    "Cancellation",
    "CancelledError",
    "CiphertextRejectedError",
    "DeadlineExceededError",
    "DecryptItem",
    "DecryptedStream",
    "DefaultMetadata",
    "DrainingError",
    "EdekMalformedError",
    "EncryptItem",
    "EncryptedDocument",
    "EncryptedStream",
    "InternalError",
    "Key",
    "KeyAccessDeniedError",
    "KeyCheck",
    "KeyDisabledHereError",
    "KeyMisconfiguredError",
    "KeyNotFoundError",
    "KeyRevokedError",
    "KeyState",
    "KeysideClient",
    "KeysideError",
    "KmsThrottledError",
    "KmsTimeoutError",
    "KmsUnavailableError",
    "Metadata",
    "NoPrimaryKeyError",
    "OverloadedError",
    "PayloadTooLargeError",
    "PlaintextDocument",
    "PolicyDeniedError",
    "RangeReader",
    "Readable",
    "RequestInvalidError",
    "RewrapItem",
    "RewrappedKey",
    "Seekable",
    "StoredDocument",
    "TenantUnknownError",
    "TlsFiles",
    "UnavailableError",
    "__version__",
]

"""For whom calls are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ._values import checked_text, texts_by_name
from .v1.metadata_pb2 import RequestMetadata

_TEXTS = ("requester_id", "data_label", "purpose", "request_id", "source_ip", "object_id", "subject_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultMetadata:
    """On whose behalf calls are made. All of it is recorded in clear: never put a secret here. Each text: at most 1,024 bytes.

    What names a person or an object is not shown by `repr`.
    """

    requester_id: str | None = field(default=None, repr=False)
    """The person or service that asks."""
    data_label: str | None = None
    """Classification of the data, e.g. ``pii``; stored with the document when encrypting."""
    purpose: str | None = None
    """Why the data is used; a tenant's policy may allow certain purposes only."""
    request_id: str | None = None
    """An id to find this request again in the daemon's log."""
    source_ip: str | None = field(default=None, repr=False)
    """The address from which the requester came."""
    object_id: str | None = field(default=None, repr=False)
    """The application's id of the document."""
    subject_id: str | None = field(default=None, repr=False)
    """The person whom the data is about."""
    attributes: Mapping[str, str] | None = field(default=None, repr=False)
    """Further facts to record: at most 32, 8 KiB in all."""


@dataclass(frozen=True, slots=True)
class Metadata(DefaultMetadata):
    """For whom a call is made and on whose behalf. All but `context` is recorded in clear."""

    tenant_id: str
    """Required, for every call anew. 1 to 128 characters of ``[A-Za-z0-9._:@-]``."""
    context: Mapping[str, str] | None = field(default=None, repr=False, kw_only=True)
    """Bound to the ciphertext and not stored: to decrypt or rewrap, give the same pairs again. At most 64 pairs, 8 KiB in all."""


@dataclass(frozen=True, slots=True, repr=False)
class About:
    """What every request about a document says besides the document, as it is sent."""

    tenant_id: str
    metadata: RequestMetadata
    context: dict[str, str]


class MetadataDefaults:
    """What the client says of itself in each call: its defaults, checked once."""

    __slots__ = ("_attributes", "_texts")

    def __init__(self, defaults: DefaultMetadata) -> None:
        if type(defaults) is not DefaultMetadata:
            raise TypeError(f"defaults must be DefaultMetadata, not {type(defaults).__name__}")
        self._texts = _texts_of(defaults)
        self._attributes = {} if defaults.attributes is None else texts_by_name(defaults.attributes, "attributes")

    def about(self, metadata: Metadata) -> About:
        """The call's own words win, field by field; attributes are put together by name."""
        if not isinstance(metadata, Metadata):
            raise TypeError(f"metadata must be Metadata, not {type(metadata).__name__}")
        own = {} if metadata.attributes is None else texts_by_name(metadata.attributes, "attributes")
        sent = RequestMetadata(**{**self._texts, **_texts_of(metadata)}, attributes={**self._attributes, **own})
        context = {} if metadata.context is None else texts_by_name(metadata.context, "context")
        return About(checked_text(metadata.tenant_id, "tenant_id"), sent, context)


def _texts_of(metadata: DefaultMetadata) -> dict[str, str]:
    given = {name: getattr(metadata, name) for name in _TEXTS}
    return {name: checked_text(text, name) for name, text in given.items() if text is not None}

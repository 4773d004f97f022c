"""Encrypted columns for SQLAlchemy: one encrypted data key a row, one call to Keyside a flush.

Why no `TypeDecorator`: it sees one value of one column, without its row. Each value would carry an EDEK of its own, each would cost a call,
and none could be bound to its row. Here a row's fields share the EDEK in the column beside them, and all rows of a flush or of a query go
in one batch. In return plaintexts are not columns: they stand in `row.plain`, cannot be searched, and are there only after `decrypt_rows`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from sqlalchemy import event, inspect
from sqlalchemy.orm import Mapped, Session
from sqlalchemy.orm.attributes import flag_modified

from keyside import DecryptItem, EncryptItem, KeysideClient, Metadata

# What a call takes, unless the daemon is configured otherwise.
BATCH = 1_000


@dataclass(frozen=True)
class Tenant:
    """Whose data a session works with."""

    client: KeysideClient
    tenant_id: str
    request_id: str | None = None

    @property
    def metadata(self) -> Metadata:
        """For each call of the request."""
        return Metadata(self.tenant_id, request_id=self.request_id, data_label="pii")


class PlainFields(MutableMapping[str, str]):
    """A row's plaintexts. What is assigned is encrypted with the next flush."""

    def __init__(self, row: EncryptedRow) -> None:
        self._row = row
        self._texts: dict[str, str] = {}
        self.changed: set[str] = set()

    def __getitem__(self, name: str) -> str:
        return self._texts[name]

    def __setitem__(self, name: str, text: str) -> None:
        if name not in type(self._row).__encrypted__:
            raise KeyError(f"{name} is not among the encrypted columns")
        self._texts[name] = text
        self.changed.add(name)
        if inspect(self._row).persistent:
            # Makes the row part of the next flush, though no column of it has changed yet.
            flag_modified(self._row, "edek")

    def __delitem__(self, name: str) -> None:
        raise TypeError("an encrypted column is overwritten, not removed")

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def decrypted(self, texts: Mapping[str, str]) -> None:
        """What was read from the database; what was assigned since stays."""
        self._texts = {**texts, **{name: self._texts[name] for name in self.changed}}


class EncryptedRow:
    """A mixin: for each name in `__encrypted__` the table has a column `<name>_encrypted`, and `edek` for all of them.

    The row needs its `id` before it is flushed: it is bound to the ciphertext, so that nobody can exchange rows.
    """

    __encrypted__: ClassVar[tuple[str, ...]]
    __tablename__: str
    id: Any
    edek: Mapped[bytes]

    @property
    def plain(self) -> PlainFields:
        """The plaintexts by name."""
        found = self.__dict__.get("_plain")
        if found is None:
            found = self.__dict__["_plain"] = PlainFields(self)
        return cast("PlainFields", found)

    @property
    def context(self) -> dict[str, str]:
        """What the ciphertext is bound to."""
        return {"table": self.__tablename__, "row": self.id}

    @property
    def item_id(self) -> str:
        """Its name in a batch. The client refuses results that are not those of the rows, in their order."""
        return f"{self.__tablename__}/{self.id}"


def encrypt_on_flush(session: Session, tenant: Tenant) -> None:
    """Encrypts before each flush of the session what was assigned since the last: one call for up to a thousand rows.

    Where Keyside refuses, the flush raises `KeysideError` and nothing is written.
    """

    def before_flush(session: Session, _context: object, _instances: object) -> None:
        rows = [row for row in (*session.new, *session.dirty) if isinstance(row, EncryptedRow) and row.plain.changed]
        for start in range(0, len(rows), BATCH):
            _encrypt(tenant, rows[start : start + BATCH])

    def after_rollback(session: Session) -> None:
        # The columns are read again; what was to be written is gone, as it is with any column.
        for row in session.identity_map.values():
            if isinstance(row, EncryptedRow):
                row.__dict__.pop("_plain", None)

    event.listen(session, "before_flush", before_flush)
    event.listen(session, "after_rollback", after_rollback)


def _encrypt(tenant: Tenant, rows: list[EncryptedRow]) -> None:
    # A row that has an EDEK keeps it: what changed is encrypted under the same key as what did not.
    items = [
        EncryptItem({name: row.plain[name] for name in row.plain.changed}, row.item_id, edek=row.edek, context=row.context)
        for row in rows
    ]
    # All or nothing: the first error ends the flush before any row is touched.
    documents = [result.unwrap() for result in tenant.client.encrypt_batch(items, tenant.metadata)]
    for row, document in zip(rows, documents, strict=True):
        for name, ciphertext in document.fields.items():
            setattr(row, f"{name}_encrypted", ciphertext)
        row.edek = document.edek
        row.plain.changed.clear()


def decrypt_rows(tenant: Tenant, rows: Iterable[EncryptedRow]) -> None:
    """Decrypts rows into their `plain`, in one call for up to a thousand. Raises the first row's `KeysideError`."""
    stored = list(rows)
    for start in range(0, len(stored), BATCH):
        part = stored[start : start + BATCH]
        items = [DecryptItem(row.edek, _ciphertexts(row), row.item_id, row.context) for row in part]
        documents = [result.unwrap() for result in tenant.client.decrypt_batch(items, tenant.metadata)]
        for row, document in zip(part, documents, strict=True):
            row.plain.decrypted({name: document.text(name) for name in document.fields})


def _ciphertexts(row: EncryptedRow) -> dict[str, bytes]:
    columns = {name: getattr(row, f"{name}_encrypted") for name in type(row).__encrypted__}
    return {name: ciphertext for name, ciphertext in columns.items() if ciphertext is not None}

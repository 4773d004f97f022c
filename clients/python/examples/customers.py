"""A web service that keeps customers in a database whose operator cannot read them: encrypted columns with Flask and SQLAlchemy.

Run it:  KEYSIDE_ADDRESS=127.0.0.1:7460 DATABASE_URL=sqlite:///customers.db flask --app customers run --port 8080
"""

from __future__ import annotations

import os
import uuid

from encrypted_columns import EncryptedRow, Tenant, decrypt_rows, encrypt_on_flush
from flask import Flask, Response, abort, g, jsonify, request
from sqlalchemy import create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from keyside import (
    CiphertextRejectedError,
    DefaultMetadata,
    KeyDisabledHereError,
    KeyRevokedError,
    KeysideClient,
    KeysideError,
)


class Base(DeclarativeBase):
    """The tables."""


class Customer(EncryptedRow, Base):
    """`name` and `ssn` are encrypted; what is searched or sorted by is not, and must tell nothing."""

    __tablename__ = "customers"
    __encrypted__ = ("name", "ssn")

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(index=True)
    country: Mapped[str]
    name_encrypted: Mapped[bytes | None]
    ssn_encrypted: Mapped[bytes | None]


def create_app(database_url: str | None = None, keyside: KeysideClient | None = None) -> Flask:
    """One client and one engine for the process."""
    app = Flask(__name__)
    client = keyside or KeysideClient(defaults=DefaultMetadata(requester_id="customer-service", purpose="service"))
    engine = create_engine(database_url or os.environ["DATABASE_URL"])
    Base.metadata.create_all(engine)
    sessions = sessionmaker(engine, expire_on_commit=False)

    @app.before_request
    def authenticate() -> None:
        # Stands for your own authentication: whose data it is follows from who asks, never from what is asked.
        tenant_id = request.headers.get("X-Tenant", "")
        g.tenant = Tenant(client, tenant_id, request_id=request.headers.get("X-Request-Id"))

    @app.post("/customers")
    def create() -> tuple[Response, int]:
        body = request.get_json()
        customer = Customer(id=str(uuid.uuid4()), tenant_id=g.tenant.tenant_id, country=body["country"])
        customer.plain["name"], customer.plain["ssn"] = body["name"], body["ssn"]
        with _session(sessions) as session:
            session.add(customer)
            session.commit()
        return jsonify(id=customer.id), 201

    @app.put("/customers/<customer_id>/name")
    def rename(customer_id: str) -> tuple[str, int]:
        with _session(sessions) as session:
            customer = _owned(session, customer_id)
            customer.plain["name"] = request.get_json()["name"]
            session.commit()
        return "", 204

    @app.get("/customers")
    def every() -> Response:
        mine = select(Customer).where(Customer.tenant_id == g.tenant.tenant_id).order_by(Customer.id)
        with _session(sessions) as session:
            customers = session.scalars(mine).all()
        decrypt_rows(g.tenant, customers)  # all of them in one call
        return jsonify([_shown(customer) for customer in customers])

    @app.get("/customers/<customer_id>")
    def one(customer_id: str) -> Response:
        with _session(sessions) as session:
            customer = _owned(session, customer_id)
        decrypt_rows(g.tenant, [customer])
        return jsonify(_shown(customer))

    @app.errorhandler(KeysideError)
    def refused(error: KeysideError) -> tuple[Response, int]:
        # The sentence is for the log: the reason says enough to whoever asked.
        app.logger.error("keyside: %s (tenant %r, %s)", error, g.tenant.tenant_id, request.endpoint)
        if isinstance(error, CiphertextRejectedError):
            # The row is there, and is not what was written: changed, exchanged, or let through to another tenant. Never a "not found".
            app.logger.critical("keyside: a stored row does not verify: it may have been tampered with")
        return jsonify(error=error.reason), _status_of(error)

    return app


def _session(sessions: sessionmaker[Session]) -> Session:
    session = sessions()
    encrypt_on_flush(session, g.tenant)
    return session


def _owned(session: Session, customer_id: str) -> Customer:
    # Were this forgotten, the key would still keep other tenants out: they would get CIPHERTEXT_REJECTED.
    mine = select(Customer).where(Customer.id == customer_id, Customer.tenant_id == g.tenant.tenant_id)
    return session.scalars(mine).one_or_none() or abort(404)


def _status_of(error: KeysideError) -> int:
    if error.retryable:
        return 503
    # The tenant has taken its key away, and can give it back. All else is for whoever runs this service.
    return 409 if isinstance(error, KeyRevokedError | KeyDisabledHereError) else 500


def _shown(customer: Customer) -> dict[str, str]:
    return {"id": customer.id, "country": customer.country, "name": customer.plain["name"], "ssn": customer.plain["ssn"]}

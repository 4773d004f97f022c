package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"keyside.dev/client"
)

var errNoContact = errors.New("there is no such contact")

// Contact is what the application works with.
type Contact struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// contacts keeps contacts, each row a document of its own: one encrypted column a field, and the column edek to open them.
type contacts struct {
	db      *sql.DB
	keyside *keyside.Client
}

func openContacts(ctx context.Context, file string, client *keyside.Client) (*contacts, error) {
	db, err := sql.Open("sqlite", file)
	if err != nil {
		return nil, err
	}
	_, err = db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS contacts (
		tenant TEXT NOT NULL, id TEXT NOT NULL, edek BLOB NOT NULL, name BLOB NOT NULL, email BLOB NOT NULL,
		PRIMARY KEY (tenant, id)) STRICT`)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &contacts{db: db, keyside: client}, nil
}

func (c *contacts) close() error { return c.db.Close() }

// metadata binds the row's id to its ciphertext: rows cannot be exchanged, not even within a tenant.
func metadata(tenant, id string) keyside.Metadata {
	return keyside.Metadata{TenantID: tenant, ObjectID: id, Context: map[string]string{"contact": id}}
}

func (c *contacts) save(ctx context.Context, tenant, id string, contact Contact) error {
	document := keyside.PlaintextDocument{Fields: map[string][]byte{
		"name":  []byte(contact.Name),
		"email": []byte(contact.Email),
	}}
	encrypted, err := c.keyside.Encrypt(ctx, document, metadata(tenant, id))
	if err != nil {
		return fmt.Errorf("encrypt contact %s: %w", id, err)
	}
	_, err = c.db.ExecContext(ctx, `INSERT INTO contacts (tenant, id, edek, name, email) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET edek = excluded.edek, name = excluded.name, email = excluded.email`,
		tenant, id, encrypted.EDEK, encrypted.Fields["name"], encrypted.Fields["email"])
	return err
}

func (c *contacts) load(ctx context.Context, tenant, id string) (Contact, error) {
	var edek, name, email []byte
	row := c.db.QueryRowContext(ctx, `SELECT edek, name, email FROM contacts WHERE tenant = ? AND id = ?`, tenant, id)
	if err := row.Scan(&edek, &name, &email); errors.Is(err, sql.ErrNoRows) {
		return Contact{}, errNoContact
	} else if err != nil {
		return Contact{}, err
	}
	encrypted := keyside.EncryptedDocument{EDEK: edek, Fields: map[string][]byte{"name": name, "email": email}}
	document, err := c.keyside.Decrypt(ctx, encrypted, metadata(tenant, id))
	if err != nil {
		return Contact{}, fmt.Errorf("decrypt contact %s: %w", id, err)
	}
	return Contact{Name: string(document.Fields["name"]), Email: string(document.Fields["email"])}, nil
}

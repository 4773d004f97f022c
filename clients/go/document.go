package keyside

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"unicode/utf8"
)

// PlaintextDocument is a document in clear: named fields that are encrypted under one key. Printed, logged or encoded as JSON it shows the
// names of its fields and nothing else.
type PlaintextDocument struct {
	// Fields are the plaintexts by name; a name is at most 65,535 bytes of UTF-8 and may be empty. All values together are at most
	// 3 MiB unless the daemon is configured otherwise.
	Fields map[string][]byte
	// EDEK is that of an existing document whose key is to be used, e.g. for one column that changed. Nil: a new document with a key of
	// its own. Decrypting leaves it nil.
	EDEK []byte
}

// Text returns a field that is UTF-8 as a string, or an error where there is no such field or it is something else.
func (d PlaintextDocument) Text(name string) (string, error) {
	value, ok := d.Fields[name]
	if !ok {
		return "", fmt.Errorf("keyside: the document has no field %q", name)
	}
	if !utf8.Valid(value) {
		return "", fmt.Errorf("keyside: field %q is not UTF-8", name)
	}
	return string(value), nil
}

// Format prints the names of the fields, whatever the verb.
func (d PlaintextDocument) Format(state fmt.State, _ rune) {
	// An error of a fmt.State is its owner's to see.
	_, _ = fmt.Fprintf(state, "keyside.PlaintextDocument%q", d.names())
}

// LogValue gives slog the names of the fields.
func (d PlaintextDocument) LogValue() slog.Value {
	return slog.GroupValue(slog.Any("fields", d.names()))
}

// MarshalJSON gives loggers and everybody else who writes JSON the names of the fields. To encode the values, encode Fields.
func (d PlaintextDocument) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Fields []string `json:"fields"`
	}{d.names()})
}

func (d PlaintextDocument) names() []string {
	return slices.Sorted(maps.Keys(d.Fields))
}

// EncryptedDocument is what to store: nothing opens the fields without the EDEK.
type EncryptedDocument struct {
	// EDEK is the document's wrapped key.
	EDEK []byte
	// Fields are the ciphertexts by name, 29 bytes longer than the plaintexts (41 for fields written under an existing EDEK). To
	// decrypt, some or all of them; each verifies by itself.
	Fields map[string][]byte
}

// RewrappedKey is a document's or object's key, wrapped again.
type RewrappedKey struct {
	// EDEK is to be stored in place of the old one. The ciphertexts stay as they are.
	EDEK []byte
	// KeyID is the key configuration that wraps it now.
	KeyID string
	// Changed is false where it was up to date already.
	Changed bool
}

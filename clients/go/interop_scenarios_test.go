package keyside

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The conformance suite's files: test/interop/README.md of the repository.

type scenarios struct {
	Documents []documentScenario `json:"documents"`
	Batches   []batchScenario    `json:"batches"`
	Streams   []streamScenario   `json:"streams"`
	Ranges    []rangeScenario    `json:"ranges"`
	Errors    []errorScenario    `json:"errors"`
}

type documentScenario struct {
	ID       string           `json:"id"`
	Metadata scenarioMetadata `json:"metadata"`
	Fields   map[string]value `json:"fields"`
}

type batchScenario struct {
	ID        string           `json:"id"`
	Metadata  scenarioMetadata `json:"metadata"`
	Documents []struct {
		ID      string            `json:"id"`
		Fields  map[string]value  `json:"fields"`
		Context map[string]string `json:"context"`
	} `json:"documents"`
}

type streamScenario struct {
	ID       string           `json:"id"`
	Metadata scenarioMetadata `json:"metadata"`
	Bytes    int              `json:"bytes"`
	Seed     int              `json:"seed"`
	Detached bool             `json:"detached"`
}

type rangeScenario struct {
	ID       string `json:"id"`
	Stream   string `json:"stream"`
	Offset   int64  `json:"offset"`
	Length   *int64 `json:"length"`
	Expected int    `json:"expected"`
}

type errorScenario struct {
	ID       string `json:"id"`
	Call     string `json:"call"`
	Document string `json:"document"`
	Change   struct {
		Flip string  `json:"flip"`
		EDEK *[]byte `json:"edek"`
	} `json:"change"`
	Metadata   json.RawMessage  `json:"metadata"`
	Token      *string          `json:"token"`
	Fields     map[string]value `json:"fields"`
	Event      string           `json:"event"`
	DeadlineMs int64            `json:"deadlineMs"`
	Reason     string           `json:"reason"`
	Code       string           `json:"code"`
	Retryable  bool             `json:"retryable"`
	TenantID   *string          `json:"tenantId"`
	KeyID      *string          `json:"keyId"`
}

type scenarioMetadata struct {
	TenantID    string            `json:"tenantId"`
	Context     map[string]string `json:"context"`
	RequesterID string            `json:"requesterId"`
	DataLabel   string            `json:"dataLabel"`
	Purpose     string            `json:"purpose"`
	RequestID   string            `json:"requestId"`
	SourceIP    string            `json:"sourceIp"`
	ObjectID    string            `json:"objectId"`
	SubjectID   string            `json:"subjectId"`
	Attributes  map[string]string `json:"attributes"`
}

func (m scenarioMetadata) metadata() Metadata { return Metadata(m) }

// replaced puts single fields over these; objects are replaced as a whole.
func (m scenarioMetadata) replaced(by json.RawMessage) (Metadata, error) {
	if len(by) == 0 {
		return m.metadata(), nil
	}
	var given map[string]json.RawMessage
	if err := json.Unmarshal(by, &given); err != nil {
		return Metadata{}, err
	}
	if _, ok := given["context"]; ok {
		m.Context = nil
	}
	if _, ok := given["attributes"]; ok {
		m.Attributes = nil
	}
	err := json.Unmarshal(by, &m)
	return m.metadata(), err
}

// value is what a scenario encrypts.
type value []byte

func (v *value) UnmarshalJSON(text []byte) error {
	var form struct {
		Text   *string `json:"text"`
		Base64 []byte  `json:"base64"`
		Bytes  *int    `json:"bytes"`
		Seed   int     `json:"seed"`
	}
	if err := json.Unmarshal(text, &form); err != nil {
		return err
	}
	switch {
	case form.Text != nil:
		*v = []byte(*form.Text)
	case form.Bytes != nil:
		*v = pattern(*form.Bytes, form.Seed)
	case form.Base64 != nil:
		*v = form.Base64
	default:
		return errors.New("a value of no known form: " + string(text))
	}
	return nil
}

func pattern(length, seed int) []byte {
	bytes := make([]byte, length)
	for i := range bytes {
		bytes[i] = byte((i*31 + seed) % 251)
	}
	return bytes
}

func bytesOf(values map[string]value) map[string][]byte {
	fields := make(map[string][]byte, len(values))
	for name, value := range values {
		fields[name] = value
	}
	return fields
}

// written is what one language's writer has made.
type written struct {
	Documents map[string]writtenDocument   `json:"documents"`
	Batches   map[string][]writtenDocument `json:"batches"`
	Streams   map[string]writtenStream     `json:"streams"`
}

type writtenDocument struct {
	ID     string            `json:"id"`
	EDEK   []byte            `json:"edek"`
	Fields map[string][]byte `json:"fields"`
}

func writtenOf(id string, d EncryptedDocument) writtenDocument {
	fields := map[string][]byte{}
	maps.Copy(fields, d.Fields)
	return writtenDocument{ID: id, EDEK: d.EDEK, Fields: fields}
}

func (d writtenDocument) encrypted() EncryptedDocument {
	return EncryptedDocument{EDEK: d.EDEK, Fields: d.Fields}
}

type writtenStream struct {
	EDEK []byte `json:"edek"`
	Body string `json:"body"`
}

// suite is one run of the conformance suite.
type suite struct {
	scenarios
	client *Client
	folder string
	tokens string
}

func openSuite(t *testing.T) suite {
	t.Helper()
	client, err := New(WithTimeout(30 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	s := suite{client: client, folder: os.Getenv("KEYSIDE_INTEROP_DIR"), tokens: os.Getenv("KEYSIDE_INTEROP_TOKENS")}
	readJSON(t, os.Getenv("KEYSIDE_INTEROP_SCENARIOS"), &s.scenarios)
	return s
}

func (s suite) file(name string) string { return filepath.Join(s.folder, name) }

func (s suite) writers() []string {
	return strings.Split(os.Getenv("KEYSIDE_INTEROP_WRITERS"), ",")
}

func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

func writeJSON(t *testing.T, file string, content any) {
	t.Helper()
	text, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(text, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
}

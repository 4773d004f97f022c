package keyside

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"testing"
)

func TestInterop(t *testing.T) {
	switch phase := os.Getenv("KEYSIDE_INTEROP_PHASE"); phase {
	case "write":
		openSuite(t).writes(t)
	case "read":
		openSuite(t).reads(t)
	case "":
		t.Skip("needs a daemon: KEYSIDE_INTEROP_PHASE is not set")
	default:
		t.Fatalf("the phase %q is not known here", phase)
	}
}

func (s suite) writes(t *testing.T) {
	made := written{Documents: map[string]writtenDocument{}, Batches: map[string][]writtenDocument{}, Streams: map[string]writtenStream{}}
	ctx := t.Context()
	for _, scenario := range s.Documents {
		document := PlaintextDocument{Fields: bytesOf(scenario.Fields)}
		encrypted, err := s.client.Encrypt(ctx, document, scenario.Metadata.metadata())
		if err != nil {
			t.Fatalf("%s: %v", scenario.ID, err)
		}
		made.Documents[scenario.ID] = writtenOf("", encrypted)
	}
	for _, scenario := range s.Batches {
		items := make([]Item[PlaintextDocument], len(scenario.Documents))
		for i, d := range scenario.Documents {
			items[i] = Item[PlaintextDocument]{ID: d.ID, Context: d.Context, Document: PlaintextDocument{Fields: bytesOf(d.Fields)}}
		}
		results, err := s.client.EncryptBatch(ctx, items, scenario.Metadata.metadata())
		if err != nil {
			t.Fatalf("%s: %v", scenario.ID, err)
		}
		for _, r := range results {
			if r.Err != nil {
				t.Fatalf("%s, item %q: %v", scenario.ID, r.ID, r.Err)
			}
			made.Batches[scenario.ID] = append(made.Batches[scenario.ID], writtenOf(r.ID, r.Document))
		}
	}
	for _, scenario := range s.Streams {
		stream, err := s.writeStream(ctx, scenario)
		if err != nil {
			t.Fatalf("%s: %v", scenario.ID, err)
		}
		made.Streams[scenario.ID] = stream
	}
	writeJSON(t, s.file("go.json"), made)
}

func (s suite) writeStream(ctx context.Context, scenario streamScenario) (writtenStream, error) {
	name := "go-" + scenario.ID + ".body"
	file, err := os.Create(s.file(name))
	if err != nil {
		return writtenStream{}, err
	}
	defer file.Close()
	var options []EncryptStreamOption
	if scenario.Detached {
		options = append(options, Detached())
	}
	w, err := s.client.EncryptStream(ctx, file, scenario.Metadata.metadata(), options...)
	if err != nil {
		return writtenStream{}, err
	}
	defer w.Abort()
	plaintext := pattern(scenario.Bytes, scenario.Seed)
	for at, length := 0, 1; at < len(plaintext); at, length = at+length, length*7%65_521 {
		if _, err := w.Write(plaintext[at:min(len(plaintext), at+length)]); err != nil {
			return writtenStream{}, err
		}
	}
	return writtenStream{EDEK: w.EDEK(), Body: name}, w.Close()
}

// entry is one line of what a reader reports.
type entry struct {
	Writer   string `json:"writer"`
	Kind     string `json:"kind"`
	Scenario string `json:"scenario"`
	Passed   bool   `json:"passed"`
	Says     string `json:"says"`
}

func (s suite) reads(t *testing.T) {
	entries := []entry{}
	for _, writer := range s.writers() {
		var made written
		readJSON(t, s.file(writer+".json"), &made)
		note := func(kind, scenario string, err error) {
			e := entry{Writer: writer, Kind: kind, Scenario: scenario, Passed: err == nil}
			if err != nil {
				e.Says = err.Error()
				t.Errorf("%s of %s, %s: %v", kind, writer, scenario, err)
			}
			entries = append(entries, e)
		}
		ctx := t.Context()
		for _, scenario := range s.Documents {
			note("document", scenario.ID, s.readDocument(ctx, scenario, made.Documents[scenario.ID]))
		}
		for _, scenario := range s.Batches {
			note("batch", scenario.ID, s.readBatch(ctx, scenario, made.Batches[scenario.ID]))
		}
		for _, scenario := range s.Streams {
			note("stream", scenario.ID, s.readStream(ctx, scenario, made.Streams[scenario.ID]))
		}
		for _, scenario := range s.Ranges {
			note("range", scenario.ID, s.readRange(ctx, scenario, made.Streams[scenario.Stream]))
		}
		for _, scenario := range s.Errors {
			note("errors", scenario.ID, s.fails(ctx, scenario, made))
		}
	}
	if len(entries) == 0 {
		t.Error("nothing was read")
	}
	writeJSON(t, s.file("read-by-go.json"), entries)
}

func (s suite) readDocument(ctx context.Context, scenario documentScenario, found writtenDocument) error {
	md, want := scenario.Metadata.metadata(), bytesOf(scenario.Fields)
	encrypted := found.encrypted()
	for _, when := range []string{"as written", "rewrapped"} {
		document, err := s.client.Decrypt(ctx, encrypted, md)
		if err == nil {
			err = sameFields(document.Fields, want)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", when, err)
		}
		if when == "rewrapped" {
			break
		}
		key, err := s.client.Rewrap(ctx, encrypted.EDEK, md)
		if err != nil {
			return fmt.Errorf("rewrap: %w", err)
		}
		encrypted.EDEK = key.EDEK
	}
	return nil
}

func sameFields(got, want map[string][]byte) error {
	if !maps.EqualFunc(got, want, bytes.Equal) {
		return fmt.Errorf("got %d fields that are not the %d expected", len(got), len(want))
	}
	return nil
}

func (s suite) readBatch(ctx context.Context, scenario batchScenario, found []writtenDocument) error {
	if len(found) != len(scenario.Documents) {
		return fmt.Errorf("%d documents were written, expected %d", len(found), len(scenario.Documents))
	}
	md := scenario.Metadata.metadata()
	items := make([]Item[EncryptedDocument], len(found))
	keys := make([]Item[[]byte], len(found))
	for i, d := range scenario.Documents {
		items[i] = Item[EncryptedDocument]{ID: d.ID, Context: d.Context, Document: found[i].encrypted()}
		keys[i] = Item[[]byte]{ID: d.ID, Context: d.Context, Document: found[i].EDEK}
	}
	if err := s.compareBatch(ctx, scenario, items, -1); err != nil {
		return err
	}
	items[0].Context = map[string]string{"wrong": "context"}
	if err := s.compareBatch(ctx, scenario, items, 0); err != nil {
		return fmt.Errorf("with a wrong context: %w", err)
	}
	results, err := s.client.RewrapBatch(ctx, keys, md)
	for _, r := range results {
		err = errors.Join(err, r.Err)
	}
	return err
}

// compareBatch decrypts all; the item at rejected must end in CIPHERTEXT_REJECTED.
func (s suite) compareBatch(ctx context.Context, scenario batchScenario, items []Item[EncryptedDocument], rejected int) error {
	results, err := s.client.DecryptBatch(ctx, items, scenario.Metadata.metadata())
	if err != nil {
		return err
	}
	for i, r := range results {
		switch {
		case i == rejected && !errors.Is(r.Err, ErrCiphertextRejected):
			return fmt.Errorf("item %d ended in %v, expected %s", i, r.Err, ErrCiphertextRejected)
		case i == rejected:
			continue
		case r.Err != nil:
			return fmt.Errorf("item %d: %w", i, r.Err)
		case r.ID != scenario.Documents[i].ID:
			return fmt.Errorf("item %d is %q, expected %q", i, r.ID, scenario.Documents[i].ID)
		}
		if err := sameFields(r.Document.Fields, bytesOf(scenario.Documents[i].Fields)); err != nil {
			return fmt.Errorf("item %d: %w", i, err)
		}
	}
	return nil
}

func (s suite) readStream(ctx context.Context, scenario streamScenario, found writtenStream) error {
	file, err := os.Open(s.file(found.Body))
	if err != nil {
		return err
	}
	defer file.Close()
	var options []DecryptStreamOption
	if scenario.Detached {
		options = append(options, WithHeader(found.EDEK))
	}
	r, err := s.client.DecryptStream(ctx, file, scenario.Metadata.metadata(), options...)
	if err != nil {
		return err
	}
	return compareReader(r, pattern(scenario.Bytes, scenario.Seed))
}

func compareReader(r *DecryptReader, want []byte) error {
	got, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("got %d bytes that are not the %d expected", len(got), len(want))
	}
	return nil
}

func (s suite) readRange(ctx context.Context, scenario rangeScenario, found writtenStream) error {
	var of streamScenario
	for _, stream := range s.Streams {
		if stream.ID == scenario.Stream {
			of = stream
		}
	}
	file, err := os.Open(s.file(found.Body))
	if err != nil {
		return err
	}
	defer file.Close()
	input := RangeInput{EDEK: found.EDEK, Offset: scenario.Offset, Length: ToEnd, ObjectSize: int64(of.Bytes), Body: file}
	if scenario.Length != nil {
		input.Length = *scenario.Length
	}
	if header := int64(len(found.EDEK)); !of.Detached {
		input.Body = io.NewSectionReader(file, header, math.MaxInt64-header)
	}
	r, err := s.client.DecryptRange(ctx, input, of.Metadata.metadata())
	if err != nil {
		return err
	}
	plaintext := pattern(of.Bytes, of.Seed)
	from := min(int(scenario.Offset), len(plaintext))
	return compareReader(r, plaintext[from:from+scenario.Expected])
}

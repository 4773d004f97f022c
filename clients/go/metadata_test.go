package keyside

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "keyside.dev/client/internal/gen/keyside/v1"
)

func TestWhatACallSaysWinsOverTheDefaultsFieldByField(t *testing.T) {
	var seen *pb.EncryptRequest
	daemon := &scriptedDaemon{encrypt: func(_ context.Context, r *pb.EncryptRequest) (*pb.EncryptResponse, error) {
		seen = r
		return &pb.EncryptResponse{}, nil
	}}
	defaults := Metadata{
		RequesterID: "default", DataLabel: "default", Purpose: "default", RequestID: "default", SourceIP: "default",
		ObjectID: "default", SubjectID: "default", Attributes: map[string]string{"a": "default", "b": "default"},
	}
	own := Metadata{
		TenantID: "acme", Context: map[string]string{"row": "1"}, RequesterID: "call", SourceIP: "call", ObjectID: "call",
		Attributes: map[string]string{"b": "call", "c": "call"},
	}
	before := maps.Clone(defaults.Attributes)
	client := clientOf(t, daemon.start(t), WithDefaults(defaults))
	if _, err := client.Encrypt(t.Context(), documentOf("a", "x"), own); err != nil {
		t.Fatal(err)
	}
	want := &pb.EncryptRequest{
		TenantId: "acme", Context: own.Context, Fields: map[string][]byte{"a": []byte("x")},
		Metadata: &pb.RequestMetadata{
			RequesterId: "call", DataLabel: "default", Purpose: "default", RequestId: "default", SourceIp: "call", ObjectId: "call",
			SubjectId: "default", Attributes: map[string]string{"a": "default", "b": "call", "c": "call"},
		},
	}
	if !proto.Equal(seen, want) {
		t.Errorf("sent %v, want %v", seen, want)
	}
	if !maps.Equal(defaults.Attributes, before) || len(own.Attributes) != 2 {
		t.Error("the caller's maps were changed")
	}
}

func TestTextThatIsNoUTF8IsRefusedBeforeAnythingIsSent(t *testing.T) {
	const bad = "half a \xed\xa0\x80 pair"
	client := clientOf(t, "127.0.0.1:9")
	ctx := t.Context()
	encrypt := func(md Metadata) error {
		md.TenantID += "acme"
		_, err := client.Encrypt(ctx, documentOf("a", "x"), md)
		return err
	}
	pairs := map[string]string{bad: "v"}
	for name, call := range map[string]func() error{
		"tenant":          func() error { return encrypt(Metadata{TenantID: bad}) },
		"requester":       func() error { return encrypt(Metadata{RequesterID: bad}) },
		"label":           func() error { return encrypt(Metadata{DataLabel: bad}) },
		"purpose":         func() error { return encrypt(Metadata{Purpose: bad}) },
		"request":         func() error { return encrypt(Metadata{RequestID: bad}) },
		"source":          func() error { return encrypt(Metadata{SourceIP: bad}) },
		"object":          func() error { return encrypt(Metadata{ObjectID: bad}) },
		"subject":         func() error { return encrypt(Metadata{SubjectID: bad}) },
		"attribute":       func() error { return encrypt(Metadata{Attributes: pairs}) },
		"name of context": func() error { return encrypt(Metadata{Context: pairs}) },
		"context":         func() error { return encrypt(Metadata{Context: map[string]string{"k": bad}}) },
		"field":           func() error { _, err := client.Encrypt(ctx, documentOf(bad, "x"), acme); return err },
		"field to decrypt": func() error {
			_, err := client.Decrypt(ctx, EncryptedDocument{Fields: map[string][]byte{bad: nil}}, acme)
			return err
		},
		"key": func() error { _, err := client.Rewrap(ctx, []byte("e"), acme, UnderKey(bad)); return err },
		"item": func() error {
			_, err := client.EncryptBatch(ctx, []Item[PlaintextDocument]{{ID: bad}}, acme)
			return err
		},
		"context of an item": func() error {
			_, err := client.DecryptBatch(ctx, []Item[EncryptedDocument]{{Context: pairs}}, acme)
			return err
		},
		"event":     func() error { _, err := client.LogSecurityEvent(ctx, SecurityEvent{Message: bad}, acme); return err },
		"key check": func() error { _, err := client.CheckKey(ctx, KeyReference{TenantID: "acme", KeyID: bad}); return err },
		"keys":      func() error { _, err := client.ListKeys(ctx, bad); return err },
	} {
		t.Run(name, func(t *testing.T) {
			err := call()
			if !errors.Is(err, ErrRequestInvalid) || !strings.Contains(err.Error(), "not valid UTF-8") || strings.Contains(err.Error(), "half") {
				t.Errorf("ended in %v", err)
			}
		})
	}
}

func TestAnEventHasNoContext(t *testing.T) {
	md := Metadata{TenantID: "acme", Context: map[string]string{"row": "1"}}
	_, err := clientOf(t, "127.0.0.1:9").LogSecurityEvent(t.Context(), SecurityEvent{Event: "USER_LOGIN"}, md)
	if !errors.Is(err, ErrRequestInvalid) {
		t.Errorf("an event ended in %v", err)
	}
}

func TestADocumentInClearDoesNotShowItsValues(t *testing.T) {
	document := PlaintextDocument{Fields: map[string][]byte{"name": []byte("Ada"), "email": []byte("ada@example.com")}, EDEK: []byte{7}}
	var logged strings.Builder
	logger := slog.New(slog.NewJSONHandler(&logged, nil))
	logger.Info("document", "value", document)
	logger.Info("many", "values", []Item[PlaintextDocument]{{Document: document}}, "results", []Result[PlaintextDocument]{{Document: document}})
	texts := []string{logged.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		texts = append(texts, fmt.Sprintf(verb, document), fmt.Sprintf(verb, &document), fmt.Sprintf(verb, []PlaintextDocument{document}))
	}
	for _, text := range texts {
		for _, secret := range []string{"Ada", "ada@", "416461", "65 100", "QWRh"} {
			if strings.Contains(text, secret) {
				t.Errorf("%q stands in %q", secret, text)
			}
		}
		if !strings.Contains(text, "name") || !strings.Contains(text, "email") {
			t.Errorf("no names in %q", text)
		}
	}
}

func TestTextOfADocument(t *testing.T) {
	document := PlaintextDocument{Fields: map[string][]byte{"text": []byte("é"), "bytes": {0xff}}}
	if text, err := document.Text("text"); text != "é" || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
	for _, name := range []string{"bytes", "missing"} {
		if text, err := document.Text(name); err == nil || text != "" {
			t.Errorf("%s: got %q", name, text)
		}
	}
}

func TestAContextIsNotShown(t *testing.T) {
	md := Metadata{TenantID: "acme", RequesterID: "ada", Context: map[string]string{"row": "4711"}}
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("call", "about", md)
	for _, text := range []string{logged.String(), fmt.Sprintf("%v", md), fmt.Sprintf("%+v", &md), fmt.Sprintf("%#v", md)} {
		if strings.Contains(text, "4711") || !strings.Contains(text, "acme") || !strings.Contains(text, "row") {
			t.Errorf("got %s", text)
		}
	}
}

package keyside

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"
)

// encryptAll seals a text without its header.
func encryptAll(t *testing.T, client *Client, plaintext string, options ...EncryptStreamOption) string {
	t.Helper()
	var sealed bytes.Buffer
	w, err := client.EncryptStream(t.Context(), &sealed, acme, options...)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	if string(w.EDEK()) != mirrorHeader {
		t.Errorf("the EDEK is %q", w.EDEK())
	}
	source := io.Reader(strings.NewReader(plaintext)) // which writes itself
	if len(options) > 0 {
		source = struct{ io.Reader }{source} // which w reads
	}
	if n, err := io.Copy(w, source); err != nil || n != int64(len(plaintext)) {
		t.Fatalf("%d, %v", n, err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return sealed.String()
}

func decryptAll(t *testing.T, client *Client, ctx context.Context, body []byte) string {
	t.Helper()
	r, err := client.DecryptStream(ctx, bytes.NewReader(append(bytes.Clone(body), '.')), acme)
	if err != nil {
		t.Fatal(err)
	}
	plaintext, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return string(plaintext)
}

func TestAnObjectOfAnySizeGoesThroughAStream(t *testing.T) {
	noStreamLeft(t)
	client := clientOf(t, mirrorDaemon().start(t))
	noProgress := struct{ io.Reader }{readerOfNothing{}}
	if w, err := client.EncryptStream(t.Context(), io.Discard, acme); err != nil {
		t.Error(err)
	} else if _, err := io.Copy(w, noProgress); err != io.ErrNoProgress || w.Close() != io.ErrNoProgress {
		t.Errorf("a reader of nothing ended in %v", err)
	}
	for _, size := range []int{0, 1, pieceBytes - 1, pieceBytes, pieceBytes + 1, 5 << 20} {
		plaintext := strings.Repeat("0123456789abcdef", size/16+1)[:size]
		sealed := encryptAll(t, client, plaintext, Detached())
		if want := string(mirror([]byte(plaintext))) + "."; sealed != want {
			t.Fatalf("%d bytes were sealed as %d others", size, len(sealed))
		}
		if got := decryptAll(t, client, t.Context(), []byte(sealed[:size])); got != plaintext {
			t.Fatalf("of %d bytes came %d back", size, len(got))
		}
	}
	if sealed := encryptAll(t, client, "x"); sealed != mirrorHeader+string(mirror([]byte("x")))+"." {
		t.Errorf("with its header it is %q", sealed)
	}
}

func TestAReaderKeepsToTheContractOfIO(t *testing.T) {
	client := clientOf(t, mirrorDaemon().start(t))
	for _, source := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.DataErrReader, iotest.HalfReader} {
		sealed := append(mirror([]byte("some plaintext")), '.')
		r, err := client.DecryptStream(t.Context(), source(bytes.NewReader(sealed)), acme)
		if err != nil {
			t.Fatal(err)
		}
		if err := iotest.TestReader(r, []byte("some plaintext")); err != nil {
			t.Error(err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestCancellingTheContextEndsAStream(t *testing.T) {
	noStreamLeft(t)
	client := clientOf(t, mirrorDaemon().start(t))
	ctx, cancel := context.WithCancel(t.Context())
	w, err := client.EncryptStream(ctx, io.Discard, acme)
	if err != nil {
		t.Fatal(err)
	}
	r, err := client.DecryptStream(ctx, bytes.NewReader(make([]byte, 1<<20)), acme)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := w.Close(); !errors.Is(err, ErrCancelled) || !errors.Is(err, context.Canceled) {
		t.Errorf("closing ended in %v", err)
	}
	if _, err := io.ReadAll(r); !errors.Is(err, ErrCancelled) || !errors.Is(err, context.Canceled) {
		t.Errorf("reading ended in %v", err)
	}
}

func TestNeitherSideRunsAheadOfTheOther(t *testing.T) {
	noStreamLeft(t)
	const size = 256 << 20
	var given atomic.Int64
	daemon := mirrorDaemon()
	daemon.decryptStream = func(s decryptServer) error {
		for range size / pieceBytes {
			if err := s.Send(plainChunk(make([]byte, pieceBytes))); err != nil {
				return err
			}
			given.Add(pieceBytes)
		}
		return nil
	}
	client := clientOf(t, daemon.start(t))
	source := &countingReader{}
	r, err := client.DecryptStream(t.Context(), source, acme)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	// Until the daemon stands still: what it has given is what the two hold between them.
	for last := int64(-1); last != given.Load(); time.Sleep(200 * time.Millisecond) {
		last = given.Load()
	}
	if given.Load() > 32<<20 {
		t.Errorf("the daemon ran %d bytes ahead", given.Load())
	}
	if source.read > 4<<20 {
		t.Errorf("%d bytes of the source were read for one", source.read)
	}
	if err := r.Close(); !errors.Is(err, ErrIncomplete) {
		t.Error(err)
	}
}

// readerOfNothing gives no byte and no error.
type readerOfNothing struct{}

func (readerOfNothing) Read([]byte) (int, error) { return 0, nil }

// countingReader never ends.
type countingReader struct{ read int }

func (r *countingReader) Read(p []byte) (int, error) {
	r.read += len(p)
	return len(p), nil
}

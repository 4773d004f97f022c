package keyside

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"google.golang.org/grpc/codes"
)

func TestASourceThatFailsLeavesNoWholeObject(t *testing.T) {
	noStreamLeft(t)
	client := clientOf(t, mirrorDaemon().start(t))
	broken := errors.New("the disk is gone")
	var sealed bytes.Buffer
	w, err := client.EncryptStream(t.Context(), &sealed, acme)
	if err != nil {
		t.Fatal(err)
	}
	source := io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken))
	if _, err := io.Copy(w, source); !errors.Is(err, broken) {
		t.Errorf("copying ended in %v", err)
	}
	if err := w.Close(); !errors.Is(err, broken) {
		t.Errorf("closing ended in %v", err)
	}
	if strings.HasSuffix(sealed.String(), ".") {
		t.Error("the object has an end")
	}
	r, err := client.DecryptStream(t.Context(), iotest.ErrReader(broken), acme)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := io.ReadAll(r); !errors.Is(err, broken) {
			t.Errorf("reading ended in %v", err)
		}
	}
	if err := r.Close(); !errors.Is(err, broken) {
		t.Errorf("closing ended in %v", err)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write(p []byte) (int, error) { return len(p) / 2, w.err }

func TestADestinationThatFailsEndsTheStream(t *testing.T) {
	noStreamLeft(t)
	client := clientOf(t, mirrorDaemon().start(t))
	full := errors.New("the disk is full")
	for _, c := range []struct{ says, want error }{{full, full}, {nil, io.ErrShortWrite}} {
		w, err := client.EncryptStream(t.Context(), failingWriter{c.says}, acme)
		if err != nil {
			t.Fatal(err)
		}
		for err = nil; err == nil; {
			_, err = w.Write(make([]byte, pieceBytes))
		}
		if !errors.Is(err, c.want) {
			t.Errorf("writing ended in %v", err)
		}
		if err := w.Close(); !errors.Is(err, c.want) {
			t.Errorf("closing ended in %v", err)
		}
		r, err := client.DecryptStream(t.Context(), bytes.NewReader(make([]byte, 100)), acme)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(failingWriter{c.says}, r); !errors.Is(err, c.want) {
			t.Errorf("copying ended in %v", err)
		}
		if err := r.Close(); !errors.Is(err, ErrIncomplete) {
			t.Errorf("closing ended in %v", err)
		}
	}
}

func TestAStreamThatIsAbortedLeavesNothingBehind(t *testing.T) {
	noStreamLeft(t)
	client := clientOf(t, mirrorDaemon().start(t))
	var sealed bytes.Buffer
	w, err := client.EncryptStream(t.Context(), &sealed, acme)
	if err != nil {
		t.Fatal(err)
	}
	w.Abort()
	if _, err := w.Write([]byte("x")); err == nil {
		t.Error("an aborted stream was written to")
	}
	if err := w.Close(); err == nil {
		t.Error("an aborted stream was closed as if whole")
	}
	w.Abort()
	if w, err = client.EncryptStream(t.Context(), &sealed, acme); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		w.Abort()
	}
	if _, err := w.Write([]byte("x")); err == nil {
		t.Error("a closed stream was written to")
	}
}

func TestClosingAReaderBeforeTheEndSaysSo(t *testing.T) {
	noStreamLeft(t)
	client := clientOf(t, mirrorDaemon().start(t))
	r, err := client.DecryptStream(t.Context(), bytes.NewReader(make([]byte, 1<<20)), acme)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.Close(); !errors.Is(err, ErrIncomplete) {
			t.Errorf("closing ended in %v", err)
		}
		if _, err := r.Read(make([]byte, 10)); !errors.Is(err, ErrIncomplete) {
			t.Errorf("reading ended in %v", err)
		}
	}
}

func TestATruncatedObjectEndsInCiphertextRejected(t *testing.T) {
	noStreamLeft(t)
	client := clientOf(t, mirrorDaemon().start(t))
	r, err := client.DecryptStream(t.Context(), strings.NewReader("no dot at the end"), acme)
	if err != nil {
		t.Fatal(err)
	}
	plaintext, err := io.ReadAll(r)
	if !errors.Is(err, ErrCiphertextRejected) || len(plaintext) == 0 {
		t.Errorf("%d bytes, %v", len(plaintext), err)
	}
	if err := r.Close(); !errors.Is(err, ErrCiphertextRejected) {
		t.Errorf("closing ended in %v", err)
	}
}

func TestADaemonThatFailsInTheMiddleSaysWhy(t *testing.T) {
	noStreamLeft(t)
	var streams atomic.Int32
	daemon := mirrorDaemon()
	daemon.encryptStream = func(s encryptServer) error {
		streams.Add(1)
		if err := s.Send(sealedOpened()); err != nil {
			return err
		}
		for range 3 {
			if _, err := s.Recv(); err != nil {
				return err
			}
		}
		return refusal(codes.Unavailable, "DRAINING", 0)
	}
	client := clientOf(t, daemon.start(t))
	w, err := client.EncryptStream(t.Context(), io.Discard, acme)
	if err != nil {
		t.Fatal(err)
	}
	for err = nil; err == nil; {
		_, err = w.Write(make([]byte, 1000))
	}
	if !errors.Is(err, ErrDraining) {
		t.Errorf("writing ended in %v", err)
	}
	if err := w.Close(); !errors.Is(err, ErrDraining) {
		t.Errorf("closing ended in %v", err)
	}
	if streams.Load() != 1 {
		t.Errorf("%d streams were opened: a stream is not repeated", streams.Load())
	}
}

func TestADaemonThatEndsAStreamTooEarlyIsNotBelieved(t *testing.T) {
	noStreamLeft(t)
	daemon := &scriptedDaemon{
		encryptStream: func(s encryptServer) error { return s.Send(sealedOpened()) },
		decryptStream: func(s decryptServer) error { return s.Send(plainChunk([]byte("x"))) },
	}
	client := clientOf(t, daemon.start(t))
	w, err := client.EncryptStream(t.Context(), io.Discard, acme)
	if err != nil {
		t.Fatal(err)
	}
	for err = nil; err == nil; {
		_, err = w.Write([]byte("x"))
	}
	if !errors.Is(err, ErrInternal) || w.Close() == nil {
		t.Errorf("writing ended in %v", err)
	}
	source := iotest.OneByteReader(strings.NewReader(strings.Repeat("x", 1<<16)))
	r, err := client.DecryptStream(t.Context(), source, acme)
	if err == nil {
		_, err = io.ReadAll(r)
	}
	if !errors.Is(err, ErrInternal) {
		t.Errorf("reading ended in %v", err)
	}
}

func TestADaemonThatDoesNotOpenAStreamIsRefused(t *testing.T) {
	noStreamLeft(t)
	daemon := &scriptedDaemon{
		encryptStream: func(s encryptServer) error {
			if err := s.Send(sealedChunk([]byte("x"))); err != nil {
				return err
			}
			<-s.Context().Done()
			return nil
		},
		decryptStream: func(s decryptServer) error { return s.Send(plainChunk([]byte("x"))) },
	}
	client := clientOf(t, daemon.start(t))
	if _, err := client.EncryptStream(t.Context(), io.Discard, acme); !errors.Is(err, ErrInternal) {
		t.Errorf("encrypting ended in %v", err)
	}
	if _, err := client.DecryptRange(t.Context(), rangeOf("body", 0, 1), acme); !errors.Is(err, ErrInternal) {
		t.Errorf("a range ended in %v", err)
	}
}

func TestADaemonThatKeepsSilentEndsTheStreamInDeadlineExceeded(t *testing.T) {
	noStreamLeft(t)
	silent := &scriptedDaemon{
		encryptStream: func(s encryptServer) error {
			<-s.Context().Done()
			return s.Context().Err()
		},
		decryptStream: func(s decryptServer) error {
			<-s.Context().Done()
			return s.Context().Err()
		},
	}
	client := clientOf(t, silent.start(t), WithTimeout(200*time.Millisecond))
	if _, err := client.EncryptStream(t.Context(), io.Discard, acme); !errors.Is(err, ErrDeadlineExceeded) {
		t.Errorf("opening ended in %v", err)
	}
	r, err := client.DecryptStream(t.Context(), strings.NewReader("x"), acme)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, ErrDeadlineExceeded) {
		t.Errorf("reading ended in %v", err)
	}
	if err := r.Close(); !errors.Is(err, ErrDeadlineExceeded) {
		t.Errorf("closing ended in %v", err)
	}
}

type slowWriter struct{ pause time.Duration }

func (w slowWriter) Write(p []byte) (int, error) {
	time.Sleep(w.pause)
	return len(p), nil
}

func TestTheDaemonIsNotBlamedForTheCallersOwnTime(t *testing.T) {
	client := clientOf(t, mirrorDaemon().start(t), WithTimeout(time.Second))
	w, err := client.EncryptStream(t.Context(), slowWriter{1200 * time.Millisecond}, acme, Detached())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

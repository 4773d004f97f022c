package keyside

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	pb "keyside.dev/client/internal/gen/keyside/v1"
)

// rangeOf is a range of what a scripted daemon sealed.
func rangeOf(plaintext string, offset, length int64) RangeInput {
	return RangeInput{
		EDEK: []byte(mirrorHeader), Offset: offset, Length: length, ObjectSize: int64(len(plaintext)),
		Body: strings.NewReader(string(mirror([]byte(plaintext)))),
	}
}

func TestARangeReadsWhatItNeedsOfTheBody(t *testing.T) {
	noStreamLeft(t)
	client := clientOf(t, mirrorDaemon().start(t))
	const plaintext = "0123456789"
	for _, c := range []struct {
		offset, length int64
		want           string
	}{{0, 4, "0123"}, {3, 3, "345"}, {8, ToEnd, "89"}, {8, 100, "89"}, {0, ToEnd, plaintext}, {4, 0, ""}, {10, 5, ""}, {99, ToEnd, ""}} {
		r, err := client.DecryptRange(t.Context(), rangeOf(plaintext, c.offset, c.length), acme)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || string(got) != c.want {
			t.Errorf("%d bytes at %d are %q, %v", c.length, c.offset, got, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// store is a body that is read a part at a time, and counts what is open.
type store struct {
	body  string
	reads []string
	open  int
	err   error
}

type part struct {
	io.Reader
	store *store
}

func (p part) Close() error {
	p.store.open--
	return nil
}

func (s *store) read(_ context.Context, offset, length int64) (io.ReadCloser, error) {
	if s.err != nil {
		return nil, s.err
	}
	s.open++
	s.reads = append(s.reads, fmt.Sprintf("%d+%d", offset, length))
	return part{io.NewSectionReader(strings.NewReader(s.body), offset, length), s}, nil
}

func (s *store) rangeOf(offset, length int64) RangeInput {
	return RangeInput{EDEK: []byte(mirrorHeader), Offset: offset, Length: length, ObjectSize: 10, Open: s.read}
}

func TestARangeOfAnObjectStoreIsOneRequestForEachSpan(t *testing.T) {
	noStreamLeft(t)
	client := clientOf(t, mirrorDaemon().start(t))
	s := &store{body: string(mirror([]byte("0123456789")))}
	r, err := client.DecryptRange(t.Context(), s.rangeOf(2, 5), acme)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err != nil || string(got) != "23456" || strings.Join(s.reads, " ") != "2+2 4+3" {
		t.Errorf("got %q of %v, %v", got, s.reads, err)
	}
	if err := r.Close(); err != nil || s.open != 0 {
		t.Errorf("%d are open, %v", s.open, err)
	}
}

func TestABodyThatFailsOrIsTooShortEndsTheRange(t *testing.T) {
	noStreamLeft(t)
	client := clientOf(t, mirrorDaemon().start(t))
	gone := errors.New("no such object")
	for _, c := range []struct {
		name  string
		store *store
		want  error
	}{
		{"fails", &store{err: gone}, gone},
		{"is too short", &store{body: string(mirror([]byte("012345")))}, ErrRequestInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := client.DecryptRange(t.Context(), c.store.rangeOf(0, ToEnd), acme)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(r); !errors.Is(err, c.want) {
				t.Errorf("reading ended in %v", err)
			}
			if err := r.Close(); !errors.Is(err, c.want) || c.store.open != 0 {
				t.Errorf("closing ended in %v, %d are open", err, c.store.open)
			}
		})
	}
}

func TestABodyThatIsWaitedForDoesNotHideWhyTheDaemonEndedTheRange(t *testing.T) {
	noStreamLeft(t)
	daemon := &scriptedDaemon{decryptStream: func(s decryptServer) error {
		if err := s.Send(spansOpened(&pb.BodySpan{Length: 1})); err != nil {
			return err
		}
		return refusal(codes.FailedPrecondition, "KEY_REVOKED", noRetry)
	}}
	client := clientOf(t, daemon.start(t))
	input := (&store{}).rangeOf(0, 1)
	input.Open = func(ctx context.Context, _, _ int64) (io.ReadCloser, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	r, err := client.DecryptRange(t.Context(), input, acme)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); !errors.Is(err, ErrKeyRevoked) {
		t.Errorf("reading ended in %v", err)
	}
	if err := r.Close(); !errors.Is(err, ErrKeyRevoked) {
		t.Errorf("closing ended in %v", err)
	}
}

func TestARangeThatCannotBeIsRefusedBeforeAnythingIsSent(t *testing.T) {
	client := clientOf(t, "127.0.0.1:9")
	for name, change := range map[string]func(*RangeInput){
		"an offset below 0":   func(in *RangeInput) { in.Offset = -1 },
		"a length below 0":    func(in *RangeInput) { in.Length = -2 },
		"a size below 0":      func(in *RangeInput) { in.ObjectSize = -1 },
		"beyond 2^53 - 1":     func(in *RangeInput) { in.Offset = 1 << 53 },
		"no body":             func(in *RangeInput) { in.Body = nil },
		"two bodies":          func(in *RangeInput) { in.Open = (&store{}).read },
		"no header":           func(in *RangeInput) { in.EDEK = nil },
		"no UTF-8 in context": nil,
	} {
		t.Run(name, func(t *testing.T) {
			input, md := rangeOf("body", 0, 1), acme
			if change == nil {
				md.Context = map[string]string{"\xff": ""}
			} else {
				change(&input)
			}
			if _, err := client.DecryptRange(t.Context(), input, md); !errors.Is(err, ErrRequestInvalid) {
				t.Errorf("ended in %v", err)
			}
		})
	}
}

package keyside

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	pb "keyside.dev/client/internal/gen/keyside/v1"
)

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// tellingTokens is a daemon that keeps what it was authorized with.
func tellingTokens() (*scriptedDaemon, *[]string) {
	var seen []string
	return &scriptedDaemon{encrypt: func(ctx context.Context, _ *pb.EncryptRequest) (*pb.EncryptResponse, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		seen = append(seen, strings.Join(md.Get("authorization"), ","))
		return &pb.EncryptResponse{}, nil
	}}, &seen
}

func TestATokenIsReadAgainWhenItsFileHasChanged(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	daemon, seen := tellingTokens()
	client := clientOf(t, daemon.start(t), WithTokenFile(file))
	rotations := []func(){
		func() { write(t, file, "first\n") },
		func() { write(t, file, "second and longer, but no token") },
		func() { write(t, file, "  third\r\n") },
		func() {
			write(t, file+".new", "next!")
			if err := os.Rename(file+".new", file); err != nil {
				t.Fatal(err)
			}
		},
	}
	for i, rotate := range rotations {
		rotate()
		_, err := client.Encrypt(t.Context(), documentOf("a", "x"), acme)
		if isUnfit := i == 1; isUnfit != (err != nil) {
			t.Fatalf("rotation %d ended in %v", i, err)
		}
	}
	if got := strings.Join(*seen, "|"); got != "Bearer first|Bearer third|Bearer next!" {
		t.Errorf("the daemon saw %s", got)
	}
}

func TestAFileWithoutATokenEndsTheCallInCallerUnauthenticated(t *testing.T) {
	folder := t.TempDir()
	for name, content := range map[string]string{"empty": "", "blank": " \n", "two-words": "a b", "no-ascii": "tökën", "two-lines": "a\nb"} {
		write(t, filepath.Join(folder, name), content)
	}
	daemon, seen := tellingTokens()
	address := daemon.start(t)
	for _, name := range []string{"empty", "blank", "two-words", "no-ascii", "two-lines", "missing", "."} {
		t.Run(name, func(t *testing.T) {
			client := clientOf(t, address, WithTokenFile(filepath.Join(folder, name)))
			_, err := client.Encrypt(t.Context(), documentOf("a", "x"), acme)
			var e *Error
			if !errors.As(err, &e) || e.Reason != ErrCallerUnauthenticated || e.Code != codes.Unauthenticated || e.Retryable {
				t.Errorf("ended in %v", err)
			}
			if name == "missing" && !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%v does not say what lies beneath", err)
			}
			if strings.Contains(err.Error(), "kën") || strings.Contains(err.Error(), "a b") {
				t.Errorf("%v shows the file's content", err)
			}
			if _, err := client.EncryptStream(t.Context(), nil, acme); !errors.Is(err, ErrCallerUnauthenticated) {
				t.Errorf("a stream ended in %v", err)
			}
		})
	}
	if len(*seen) != 0 {
		t.Errorf("the daemon was called %d times", len(*seen))
	}
}

func TestAClientIsSafeForConcurrentUse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	write(t, file, "token")
	client := clientOf(t, mirrorDaemon().start(t), WithTokenFile(file))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				if err := os.Chtimes(file, time.Time{}, time.Now()); err != nil {
					t.Error(err)
				}
				if _, err := client.Encrypt(t.Context(), documentOf("a", "x"), acme); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func TestACallIsMadeAgainOnceWhereTheTokenWasReplacedMeanwhile(t *testing.T) {
	for name, test := range map[string]struct {
		replacement string
		calls       int
		isServed    bool
	}{
		"by the one that is good":     {"good", 2, true},
		"by another that is not":      {"also-bad", 2, false},
		"by nothing: it is the same":  {"bad", 1, false},
		"by nothing: the file is bad": {"", 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "token")
			write(t, file, "bad")
			calls := 0
			daemon := &scriptedDaemon{encrypt: func(ctx context.Context, _ *pb.EncryptRequest) (*pb.EncryptResponse, error) {
				calls++
				md, _ := metadata.FromIncomingContext(ctx)
				if md.Get("authorization")[0] == "Bearer good" {
					return &pb.EncryptResponse{}, nil
				}
				write(t, file, test.replacement)
				return nil, refusal(codes.Unauthenticated, "CALLER_UNAUTHENTICATED", -1)
			}}
			_, err := clientOf(t, daemon.start(t), WithTokenFile(file)).Encrypt(t.Context(), documentOf("a", "x"), acme)
			if calls != test.calls || test.isServed != (err == nil) || (err != nil && !errors.Is(err, ErrCallerUnauthenticated)) {
				t.Errorf("%d calls, %v", calls, err)
			}
		})
	}
}

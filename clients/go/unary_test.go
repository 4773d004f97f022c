package keyside

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pb "keyside.dev/client/internal/gen/keyside/v1"
)

// failing is a daemon that refuses so often, then encrypts.
func failing(times int32, refused error) (*scriptedDaemon, *atomic.Int32) {
	var calls atomic.Int32
	return &scriptedDaemon{encrypt: func(context.Context, *pb.EncryptRequest) (*pb.EncryptResponse, error) {
		if calls.Add(1) <= times {
			return nil, refused
		}
		return &pb.EncryptResponse{Edek: []byte("edek")}, nil
	}}, &calls
}

// notSleeping lets a client remember its waits instead of waiting.
func notSleeping(client *Client, random float64) *[]time.Duration {
	var waits []time.Duration
	client.conn.retries.random = func() float64 { return random }
	client.conn.retries.sleep = func(_ context.Context, d time.Duration) { waits = append(waits, d) }
	return &waits
}

func TestACallIsRepeatedOnlyWhereTheDaemonSaysAfterHowLong(t *testing.T) {
	for _, c := range []struct {
		name    string
		times   int32
		refused error
		calls   int32
		reason  Reason
	}{
		{"twice refused", 2, refusal(codes.Unavailable, "DRAINING", time.Second), 3, ""},
		{"always refused", 99, refusal(codes.ResourceExhausted, "OVERLOADED", time.Second), 4, ErrOverloaded},
		{"no time given", 99, refusal(codes.Unavailable, "AUDIT_UNAVAILABLE", noRetry), 1, ErrAuditUnavailable},
		{"no daemon's answer", 99, status.Error(codes.Unavailable, "a proxy says so"), 1, ErrUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			daemon, calls := failing(c.times, c.refused)
			client := clientOf(t, daemon.start(t))
			notSleeping(client, 0)
			_, err := client.Encrypt(t.Context(), documentOf("a", "x"), acme)
			if calls.Load() != c.calls {
				t.Errorf("%d calls, want %d", calls.Load(), c.calls)
			}
			if (c.reason == "") != (err == nil) || err != nil && !errors.Is(err, c.reason) {
				t.Errorf("ended in %v", err)
			}
		})
	}
}

func TestARetryWaitsAsLongAsItIsToldAndUpToAFifthMore(t *testing.T) {
	for _, c := range []struct{ random, want float64 }{{0, 1000}, {0.5, 1100}, {0.999, 1199.8}} {
		daemon, _ := failing(1, refusal(codes.Unavailable, "DRAINING", time.Second))
		client := clientOf(t, daemon.start(t))
		waits := notSleeping(client, c.random)
		if _, err := client.Encrypt(t.Context(), documentOf("a", "x"), acme); err != nil {
			t.Fatal(err)
		}
		if want := time.Duration(c.want * float64(time.Millisecond)); len(*waits) != 1 || (*waits)[0] != want {
			t.Errorf("waited %v, want %v", *waits, want)
		}
	}
}

func TestNoRetryReachesBeyondTheDeadline(t *testing.T) {
	// With the jitter the second reaches beyond the 10 seconds too, and the last beyond what a duration holds.
	for _, asked := range []time.Duration{time.Hour, 9500 * time.Millisecond, math.MaxInt64} {
		daemon, calls := failing(99, refusal(codes.Unavailable, "DRAINING", asked))
		client := clientOf(t, daemon.start(t))
		waits := notSleeping(client, 0.9)
		_, err := client.Encrypt(t.Context(), documentOf("a", "x"), acme)
		if !errors.Is(err, ErrDraining) || calls.Load() != 1 || len(*waits) != 0 {
			t.Errorf("%v: ended in %v after %d calls and waits %v", asked, err, calls.Load(), *waits)
		}
	}
}

func TestCancellingEndsTheWaitForARetry(t *testing.T) {
	daemon, calls := failing(99, refusal(codes.Unavailable, "DRAINING", time.Hour))
	client := clientOf(t, daemon.start(t))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
	defer cancel()
	client.conn.retries.sleep = func(ctx context.Context, d time.Duration) {
		cancel()
		sleep(ctx, d)
	}
	_, err := client.Encrypt(ctx, documentOf("a", "x"), acme)
	if !errors.Is(err, ErrCancelled) || !errors.Is(err, context.Canceled) || calls.Load() != 1 {
		t.Errorf("ended in %v after %d calls", err, calls.Load())
	}
}

func TestACallHasADeadlineThatTheDaemonKnows(t *testing.T) {
	var left time.Duration
	daemon := &scriptedDaemon{encrypt: func(ctx context.Context, _ *pb.EncryptRequest) (*pb.EncryptResponse, error) {
		deadline, _ := ctx.Deadline()
		left = time.Until(deadline)
		return &pb.EncryptResponse{}, nil
	}}
	client := clientOf(t, daemon.start(t))
	if _, err := client.Encrypt(t.Context(), documentOf("a", "x"), acme); err != nil || left > 10*time.Second || left <= 0 {
		t.Errorf("by default %v is left (%v)", left, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := client.Encrypt(ctx, documentOf("a", "x"), acme); err != nil || left <= 10*time.Second {
		t.Errorf("of a minute %v is left (%v)", left, err)
	}
}

// hanging is a daemon that answers nothing, and says when a call has ended there.
func hanging() (*scriptedDaemon, chan struct{}, chan struct{}) {
	begun, ended := make(chan struct{}, 1), make(chan struct{}, 1)
	return &scriptedDaemon{encrypt: func(ctx context.Context, _ *pb.EncryptRequest) (*pb.EncryptResponse, error) {
		begun <- struct{}{}
		<-ctx.Done()
		ended <- struct{}{}
		return nil, ctx.Err()
	}}, begun, ended
}

func TestADaemonThatDoesNotAnswerEndsTheCallInDeadlineExceeded(t *testing.T) {
	daemon, _, _ := hanging()
	address := daemon.start(t)
	client := clientOf(t, address, WithTimeout(100*time.Millisecond))
	_, err := client.Encrypt(t.Context(), documentOf("a", "x"), acme)
	var e *Error
	if !errors.As(err, &e) || e.Reason != ErrDeadlineExceeded || !e.Retryable || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("ended in %v", err)
	}
	if want := "DEADLINE_EXCEEDED: no answer from " + address + " in time"; err.Error() != want {
		t.Errorf("says %q, want %q", err, want)
	}
}

func TestCancellingEndsTheCallAtTheDaemonToo(t *testing.T) {
	daemon, begun, ended := hanging()
	client := clientOf(t, daemon.start(t))
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the user went away")
	go func() {
		<-begun
		cancel(why)
	}()
	_, err := client.Encrypt(ctx, documentOf("a", "x"), acme)
	if !errors.Is(err, ErrCancelled) || !errors.Is(err, context.Canceled) || !errors.Is(err, why) {
		t.Errorf("ended in %v", err)
	}
	<-ended
}

func TestClosingTheClientEndsItsCalls(t *testing.T) {
	daemon, begun, _ := hanging()
	client := clientOf(t, daemon.start(t))
	go func() {
		<-begun
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, when := range []string{"under way", "after it"} {
		if _, err := client.Encrypt(t.Context(), documentOf("a", "x"), acme); !errors.Is(err, ErrCancelled) {
			t.Errorf("a call %s ended in %v", when, err)
		}
	}
}

func TestAnAnswerOfAnySizeIsTaken(t *testing.T) {
	daemon := &scriptedDaemon{decrypt: func(context.Context, *pb.DecryptRequest) (*pb.DecryptResponse, error) {
		return &pb.DecryptResponse{Fields: map[string][]byte{"big": make([]byte, 9<<20)}}, nil
	}}
	client := clientOf(t, daemon.start(t))
	document, err := client.Decrypt(t.Context(), EncryptedDocument{EDEK: []byte("e")}, acme)
	if err != nil || len(document.Fields["big"]) != 9<<20 {
		t.Errorf("%d bytes, %v", len(document.Fields["big"]), err)
	}
}

func TestMetadataForOthersDoesNotGoAlong(t *testing.T) {
	var seen metadata.MD
	daemon := &scriptedDaemon{encrypt: func(ctx context.Context, _ *pb.EncryptRequest) (*pb.EncryptResponse, error) {
		seen, _ = metadata.FromIncomingContext(ctx)
		return &pb.EncryptResponse{}, nil
	}}
	client := clientOf(t, daemon.start(t))
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer for-another-service", "x-internal", "1")
	if _, err := client.Encrypt(ctx, documentOf("a", "x"), acme); err != nil {
		t.Fatal(err)
	}
	if len(seen.Get("authorization")) != 0 || len(seen.Get("x-internal")) != 0 {
		t.Errorf("the daemon was given %v", seen)
	}
}

func TestAnAnswerThatNamesNoTimeIsNotTriedAgain(t *testing.T) {
	calls := 0
	daemon := &scriptedDaemon{encrypt: func(context.Context, *pb.EncryptRequest) (*pb.EncryptResponse, error) {
		calls++
		info := &errdetails.ErrorInfo{Domain: "keyside.dev", Reason: "OVERLOADED"}
		st, err := status.New(codes.ResourceExhausted, "OVERLOADED: as the test says").WithDetails(info, &errdetails.RetryInfo{})
		if err != nil {
			t.Error(err)
		}
		return nil, st.Err()
	}}
	_, err := clientOf(t, daemon.start(t)).Encrypt(t.Context(), documentOf("a", "x"), acme)
	var e *Error
	if !errors.As(err, &e) || e.Retryable || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

func TestAttemptsCanBeFewer(t *testing.T) {
	for _, attempts := range []int{1, 2} {
		daemon, calls := failing(99, refusal(codes.ResourceExhausted, "OVERLOADED", time.Second))
		client := clientOf(t, daemon.start(t), WithMaxAttempts(attempts))
		notSleeping(client, 0)
		if _, err := client.Encrypt(t.Context(), documentOf("a", "x"), acme); !errors.Is(err, ErrOverloaded) || int(calls.Load()) != attempts {
			t.Errorf("%d calls, %v", calls.Load(), err)
		}
	}
}

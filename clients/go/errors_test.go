package keyside

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "keyside.dev/client/internal/gen/keyside/v1"
)

var daemonsReasons = []Reason{
	ErrRequestInvalid, ErrPayloadTooLarge, ErrEDEKMalformed, ErrCiphertextRejected, ErrCallerUnauthenticated, ErrCallerNotAllowed,
	ErrTenantUnknown, ErrNoPrimaryKey, ErrKeyDisabledHere, ErrKeyRevoked, ErrKeyAccessDenied, ErrKeyNotFound, ErrKeyMisconfigured,
	ErrPolicyDenied, ErrKMSThrottled, ErrKMSUnavailable, ErrKMSTimeout, ErrOverloaded, ErrDraining, ErrAuditUnavailable, ErrInternal,
	ErrDeadlineExceeded, ErrCancelled,
}

func TestEveryReasonOfTheContractHasItsOwnSentinel(t *testing.T) {
	var published []Reason
	for number, name := range pb.ErrorReason_name {
		if number != 0 {
			published = append(published, Reason(strings.TrimPrefix(name, "ERROR_REASON_")))
		}
	}
	slices.Sort(published)
	if ours := slices.Sorted(slices.Values(daemonsReasons)); !slices.Equal(ours, published) {
		t.Errorf("ours are %v, the contract's %v", ours, published)
	}
}

func TestADaemonsRefusalIsItsReasonAndNoOther(t *testing.T) {
	for _, reason := range daemonsReasons {
		t.Run(string(reason), func(t *testing.T) {
			daemon := &scriptedDaemon{decrypt: func(context.Context, *pb.DecryptRequest) (*pb.DecryptResponse, error) {
				return nil, refusal(codes.FailedPrecondition, string(reason), noRetry, "tenantId", "acme", "keyId", "k1", "limitBytes", "7")
			}}
			client := clientOf(t, daemon.start(t))
			document, err := client.Decrypt(t.Context(), EncryptedDocument{EDEK: []byte("e")}, acme)
			if document.Fields != nil {
				t.Error("a document came with the error")
			}
			if got, want := errors.Is(err, context.DeadlineExceeded), reason == ErrDeadlineExceeded; got != want {
				t.Errorf("errors.Is(err, context.DeadlineExceeded) = %t", got)
			}
			for _, other := range append(daemonsReasons, ErrUnavailable) {
				if got, want := errors.Is(err, other), other == reason; got != want {
					t.Errorf("errors.Is(err, %s) = %t", other, got)
				}
			}
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%T is no *Error", err)
			}
			if e.Code != codes.FailedPrecondition || e.Retryable || e.RetryAfter != 0 || e.TenantID != "acme" || e.KeyID != "k1" {
				t.Errorf("got %+v", e)
			}
			if e.Details["limitBytes"] != "7" {
				t.Errorf("details are %v", e.Details)
			}
			if want := string(reason) + ": as the test says"; e.Error() != want || e.Message != "as the test says" {
				t.Errorf("says %q, want %q", e.Error(), want)
			}
			if st, ok := status.FromError(err); !ok || st.Code() != codes.FailedPrecondition || len(st.Details()) != 1 {
				t.Errorf("as a status it is %v", st)
			}
		})
	}
}

func TestARefusalWithATimeToWaitIsRetryable(t *testing.T) {
	e, isDaemons := fromStatus(status.Convert(refusal(codes.Unavailable, "DRAINING", 1500*time.Millisecond)))
	if !isDaemons || !e.Retryable || e.RetryAfter != 1500*time.Millisecond {
		t.Errorf("got %+v", e)
	}
}

func TestWhereNoDaemonSaidWhyTheReasonIsTheCodesName(t *testing.T) {
	foreign, err := status.New(codes.PermissionDenied, "no").WithDetails(&errdetails.ErrorInfo{Domain: "proxy", Reason: "KEY_REVOKED"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name      string
		status    *status.Status
		reason    Reason
		retryable bool
	}{
		{"unavailable", status.New(codes.Unavailable, "x"), ErrUnavailable, true},
		{"deadline", status.New(codes.DeadlineExceeded, "x"), ErrDeadlineExceeded, true},
		{"cancelled", status.New(codes.Canceled, "x"), ErrCancelled, false},
		{"transport's limit", status.New(codes.ResourceExhausted, "x"), "RESOURCE_EXHAUSTED", false},
		{"method unknown", status.New(codes.Unimplemented, "x"), "UNIMPLEMENTED", false},
		{"a proxy's details", foreign, "PERMISSION_DENIED", false},
		{"a code unknown to gRPC", status.New(codes.Code(99), "x"), "UNKNOWN", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, isDaemons := fromStatus(c.status)
			if isDaemons || e.Reason != c.reason || e.Retryable != c.retryable || e.Code != c.status.Code() {
				t.Errorf("got %+v", e)
			}
		})
	}
}

func TestAnErrorMadeByHandWorksInTestsOfApplications(t *testing.T) {
	err := error(&Error{Reason: ErrKeyRevoked, Code: codes.FailedPrecondition})
	if !errors.Is(err, ErrKeyRevoked) || err.Error() != "KEY_REVOKED" || status.Code(err) != codes.FailedPrecondition {
		t.Errorf("got %v, code %v", err, status.Code(err))
	}
}

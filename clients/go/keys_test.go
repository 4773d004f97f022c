package keyside

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "keyside.dev/client/internal/gen/keyside/v1"
)

func TestAKeyThatCannotBeUsedIsAnAnswer(t *testing.T) {
	revoked := status.Convert(refusal(codes.FailedPrecondition, "KEY_REVOKED", noRetry, "keyId", "k1")).Proto()
	daemon := &scriptedDaemon{checkKey: func(_ context.Context, r *pb.CheckKeyRequest) (*pb.CheckKeyResponse, error) {
		key := &pb.KeyConfiguration{KeyId: r.GetKeyId(), Provider: "aws", State: 1, Custody: "customer", VendorDefault: true}
		return &pb.CheckKeyResponse{Key: key, KmsState: "disabled", WrapLatency: durationpb.New(time.Second), Error: revoked}, nil
	}}
	client := clientOf(t, daemon.start(t))
	check, err := client.CheckKey(t.Context(), KeyReference{TenantID: "acme", KeyID: "k1"})
	if err != nil || check.Usable || !errors.Is(check.Err, ErrKeyRevoked) {
		t.Errorf("got %+v, %v", check, err)
	}
	want := Key{ID: "k1", Provider: "aws", State: KeyPrimary, Custody: "customer", VendorDefault: true}
	if check.Key != want || check.WrapLatency != time.Second || check.UnwrapLatency != 0 || check.KMSState != "disabled" {
		t.Errorf("got %+v", check)
	}
}

func TestAStateThatIsNotKnownHereIsUnknown(t *testing.T) {
	known := map[pb.KeyConfigurationState]KeyState{0: KeyUnknown, 1: KeyPrimary, 2: KeyActive, 3: KeyDisabled, 99: KeyUnknown}
	for state, want := range known {
		if got := stateOf(state); got != want {
			t.Errorf("%d is %s", state, got)
		}
	}
}

func TestAnEventHasTheTimeThatIsSaidOrNone(t *testing.T) {
	var seen *pb.LogSecurityEventRequest
	daemon := &scriptedDaemon{
		logEvent: func(_ context.Context, r *pb.LogSecurityEventRequest) (*pb.LogSecurityEventResponse, error) {
			seen = r
			return &pb.LogSecurityEventResponse{RecordId: "record-1"}, nil
		},
	}
	client := clientOf(t, daemon.start(t))
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	event := SecurityEvent{Event: "USER_LOGIN", TargetUserID: "u", Message: "m"}
	if id, err := client.LogSecurityEvent(t.Context(), event, acme); err != nil || id != "record-1" || seen.GetOccurredAt() != nil {
		t.Errorf("got %q, %v, sent %v", id, err, seen)
	}
	event.OccurredAt = at
	if _, err := client.LogSecurityEvent(t.Context(), event, acme); err != nil || !seen.GetOccurredAt().AsTime().Equal(at) {
		t.Errorf("sent %v, %v", seen, err)
	}
}

package keyside

import (
	"context"
	"time"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "keyside.dev/client/internal/gen/keyside/v1"
)

// SecurityEvent is something that happened in the application, for the tenant's audit trail.
type SecurityEvent struct {
	// Event is required: a name that Keyside knows, such as USER_LOGIN, or CUSTOM_ and capital letters, digits and underscores.
	Event string
	// OccurredAt is when it happened. The zero time: now.
	OccurredAt time.Time
	// TargetUserID is the user whom it was done to. Empty: the requester.
	TargetUserID string
	// Message is a sentence for people, at most 4,096 bytes. Never put a secret here.
	Message string
}

// LogSecurityEvent records an event in the tenant's audit trail. It returns the record's id when the record is as durable as the daemon's
// audit mode promises, and AUDIT_UNAVAILABLE where it is kept nowhere.
func (c *Client) LogSecurityEvent(ctx context.Context, event SecurityEvent, md Metadata) (string, error) {
	if md.Context != nil {
		return "", invalidRequest("an event has no context: attributes are recorded with it")
	}
	about, err := md.over(c.defaults)
	if err != nil {
		return "", err
	}
	err = firstError(
		checkText("Event", event.Event), checkText("TargetUserID", event.TargetUserID), checkText("Message", event.Message),
	)
	if err != nil {
		return "", err
	}
	request := &pb.LogSecurityEventRequest{
		TenantId:     about.tenantID,
		Metadata:     about.metadata,
		Event:        event.Event,
		TargetUserId: event.TargetUserID,
		Message:      event.Message,
	}
	if !event.OccurredAt.IsZero() {
		request.OccurredAt = timestamppb.New(event.OccurredAt)
	}
	answer, err := invoke(ctx, c.conn, c.audit.LogSecurityEvent, request)
	if err != nil {
		return "", err
	}
	return answer.GetRecordId(), nil
}

// IsServing reports whether a daemon takes calls: false while it shuts down, an error where none answers.
func (c *Client) IsServing(ctx context.Context) (bool, error) {
	request := &healthpb.HealthCheckRequest{Service: pb.CryptoService_ServiceDesc.ServiceName}
	answer, err := invoke(ctx, c.conn, c.health.Check, request)
	if err != nil {
		return false, err
	}
	return answer.GetStatus() == healthpb.HealthCheckResponse_SERVING, nil
}

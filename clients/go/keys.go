package keyside

import (
	"context"
	"time"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "keyside.dev/client/internal/gen/keyside/v1"
)

// KeyReference names one of a tenant's key configurations.
type KeyReference struct {
	// TenantID is required.
	TenantID string
	// KeyID is the key configuration's. Empty: the primary one, or all of them where keys are dropped.
	KeyID string
}

// KeyState is what Keyside's configuration says of a key.
type KeyState string

// The states of a key configuration. A newer daemon may have others, which are KeyUnknown.
const (
	// KeyPrimary encrypts and decrypts.
	KeyPrimary KeyState = "primary"
	// KeyActive decrypts.
	KeyActive KeyState = "active"
	// KeyDisabled is refused by the daemon before any KMS is asked.
	KeyDisabled KeyState = "disabled"
	// KeyUnknown is something else.
	KeyUnknown KeyState = "unknown"
)

// Key is one of a tenant's key configurations.
type Key struct {
	ID string
	// Provider is the kind of KMS: local, aws, …
	Provider string
	State    KeyState
	// Custody says who holds the key: customer, vendor or local.
	Custody string
	// VendorDefault is true for the vendor's own key, which serves tenants that have not brought theirs.
	VendorDefault bool
}

// KeyCheck is what a probe found.
type KeyCheck struct {
	// Key is the key configuration that was probed.
	Key Key
	// Usable is true where wrap and unwrap worked and gave the same bytes.
	Usable bool
	// KMSState is the state as the KMS states it: enabled, disabled, pending-deletion, destroyed or unknown.
	KMSState string
	// KeyVersion is the version that the probe was wrapped under; empty where the provider shows none.
	KeyVersion string
	// WrapLatency and UnwrapLatency are 0 where it did not happen.
	WrapLatency, UnwrapLatency time.Duration
	// Err is why the key is not usable, an [*Error]; nil where it is.
	Err error
}

// CheckKey probes a key end to end. A key that fails is an answer, see [KeyCheck.Err], not an error of the call. It costs two or three
// calls to the KMS.
func (c *Client) CheckKey(ctx context.Context, ref KeyReference) (KeyCheck, error) {
	if err := ref.check(); err != nil {
		return KeyCheck{}, err
	}
	answer, err := invoke(ctx, c.conn, c.keys.CheckKey, &pb.CheckKeyRequest{TenantId: ref.TenantID, KeyId: ref.KeyID})
	if err != nil {
		return KeyCheck{}, err
	}
	check := KeyCheck{
		Key:           keyOf(answer.GetKey()),
		Usable:        answer.GetUsable(),
		KMSState:      answer.GetKmsState(),
		KeyVersion:    answer.GetKeyVersion(),
		WrapLatency:   durationOf(answer.GetWrapLatency()),
		UnwrapLatency: durationOf(answer.GetUnwrapLatency()),
	}
	if answer.GetError() != nil {
		check.Err, _ = fromStatus(status.FromProto(answer.GetError()))
	}
	return check, nil
}

// ListKeys returns a tenant's key configurations in the order of the daemon's configuration. It asks no KMS.
func (c *Client) ListKeys(ctx context.Context, tenantID string) ([]Key, error) {
	if err := checkText("TenantID", tenantID); err != nil {
		return nil, err
	}
	answer, err := invoke(ctx, c.conn, c.keys.ListKeys, &pb.ListKeysRequest{TenantId: tenantID})
	if err != nil {
		return nil, err
	}
	keys := make([]Key, len(answer.GetKeys()))
	for i, key := range answer.GetKeys() {
		keys[i] = keyOf(key)
	}
	return keys, nil
}

// DropKeys makes this daemon forget data keys now, and returns how many there were.
func (c *Client) DropKeys(ctx context.Context, ref KeyReference) (int, error) {
	if err := ref.check(); err != nil {
		return 0, err
	}
	answer, err := invoke(ctx, c.conn, c.keys.DropKeys, &pb.DropKeysRequest{TenantId: ref.TenantID, KeyId: ref.KeyID})
	if err != nil {
		return 0, err
	}
	return int(answer.GetDropped()), nil
}

func (r KeyReference) check() error {
	return firstError(checkText("TenantID", r.TenantID), checkText("KeyID", r.KeyID))
}

func keyOf(key *pb.KeyConfiguration) Key {
	return Key{
		ID:            key.GetKeyId(),
		Provider:      key.GetProvider(),
		State:         stateOf(key.GetState()),
		Custody:       key.GetCustody(),
		VendorDefault: key.GetVendorDefault(),
	}
}

func stateOf(state pb.KeyConfigurationState) KeyState {
	switch state {
	case pb.KeyConfigurationState_KEY_CONFIGURATION_STATE_PRIMARY:
		return KeyPrimary
	case pb.KeyConfigurationState_KEY_CONFIGURATION_STATE_ACTIVE:
		return KeyActive
	case pb.KeyConfigurationState_KEY_CONFIGURATION_STATE_DISABLED:
		return KeyDisabled
	}
	return KeyUnknown
}

func durationOf(d *durationpb.Duration) time.Duration {
	if d == nil {
		return 0
	}
	return d.AsDuration()
}

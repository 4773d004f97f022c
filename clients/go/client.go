package keyside

import (
	"context"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	pb "keyside.dev/client/internal/gen/keyside/v1"
)

// Client speaks to a Keyside daemon. It is safe for concurrent use; make one for the life of the process.
type Client struct {
	conn     *connection
	defaults Metadata
	crypto   pb.CryptoServiceClient
	keys     pb.KeyServiceClient
	audit    pb.AuditServiceClient
	health   healthpb.HealthClient
}

// New makes a client. It connects to nobody yet. It fails for an address that is malformed or that of another machine without TLS, for
// files of TLS that cannot be read, and for options that make no sense.
func New(options ...Option) (*Client, error) {
	s, err := newSettings(options)
	if err != nil {
		return nil, err
	}
	conn, err := newConnection(s)
	if err != nil {
		return nil, err
	}
	return &Client{
		conn:     conn,
		defaults: s.defaults,
		crypto:   pb.NewCryptoServiceClient(conn.channel),
		keys:     pb.NewKeyServiceClient(conn.channel),
		audit:    pb.NewAuditServiceClient(conn.channel),
		health:   healthpb.NewHealthClient(conn.channel),
	}, nil
}

// Close ends the connection. Calls and streams under way end in CANCELLED.
func (c *Client) Close() error { return c.conn.close() }

// Encrypt encrypts a document. Where it fails there is nothing to store.
func (c *Client) Encrypt(ctx context.Context, document PlaintextDocument, md Metadata) (EncryptedDocument, error) {
	about, err := md.over(c.defaults)
	if err != nil {
		return EncryptedDocument{}, err
	}
	if err := checkNames(document.Fields); err != nil {
		return EncryptedDocument{}, err
	}
	response, err := invoke(ctx, c.conn, c.crypto.Encrypt, &pb.EncryptRequest{
		TenantId: about.tenantID,
		Metadata: about.metadata,
		Context:  about.context,
		Fields:   document.Fields,
		Edek:     document.EDEK,
	})
	if err != nil {
		return EncryptedDocument{}, err
	}
	return encryptedDocument(response), nil
}

// Decrypt decrypts a document, or those of its fields that are given: all verify, or nothing is returned.
func (c *Client) Decrypt(ctx context.Context, document EncryptedDocument, md Metadata) (PlaintextDocument, error) {
	about, err := md.over(c.defaults)
	if err != nil {
		return PlaintextDocument{}, err
	}
	if err := checkNames(document.Fields); err != nil {
		return PlaintextDocument{}, err
	}
	response, err := invoke(ctx, c.conn, c.crypto.Decrypt, &pb.DecryptRequest{
		TenantId: about.tenantID,
		Metadata: about.metadata,
		Context:  about.context,
		Fields:   document.Fields,
		Edek:     document.EDEK,
	})
	if err != nil {
		return PlaintextDocument{}, err
	}
	return PlaintextDocument{Fields: response.GetFields()}, nil
}

// RewrapOption changes what a key is wrapped under.
type RewrapOption func(*rewrapSettings)

type rewrapSettings struct{ targetKeyID string }

// UnderKey names the key configuration to wrap under. Default: the tenant's primary key.
func UnderKey(keyID string) RewrapOption {
	return func(s *rewrapSettings) { s.targetKeyID = keyID }
}

func targetKey(options []RewrapOption) (string, error) {
	var s rewrapSettings
	for _, option := range options {
		option(&s)
	}
	return s.targetKeyID, checkText("the key's id", s.targetKeyID)
}

// Rewrap wraps the key of a document again (its EDEK), or of an object (its header), after the tenant rotated or replaced its key.
func (c *Client) Rewrap(ctx context.Context, edek []byte, md Metadata, options ...RewrapOption) (RewrappedKey, error) {
	about, err := md.over(c.defaults)
	if err != nil {
		return RewrappedKey{}, err
	}
	key, err := targetKey(options)
	if err != nil {
		return RewrappedKey{}, err
	}
	response, err := invoke(ctx, c.conn, c.crypto.Rewrap, &pb.RewrapRequest{
		TenantId:    about.tenantID,
		Metadata:    about.metadata,
		Context:     about.context,
		Edek:        edek,
		TargetKeyId: key,
	})
	if err != nil {
		return RewrappedKey{}, err
	}
	return rewrappedKey(response), nil
}

func encryptedDocument(response *pb.EncryptResponse) EncryptedDocument {
	return EncryptedDocument{EDEK: response.GetEdek(), Fields: response.GetFields()}
}

func rewrappedKey(response *pb.RewrapResponse) RewrappedKey {
	return RewrappedKey{EDEK: response.GetEdek(), KeyID: response.GetKeyId(), Changed: response.GetChanged()}
}

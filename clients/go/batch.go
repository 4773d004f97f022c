package keyside

import (
	"context"
	"fmt"

	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "keyside.dev/client/internal/gen/keyside/v1"
)

// Item is one document of a batch.
type Item[D any] struct {
	// ID is the caller's name for it, at most 1,024 bytes; it comes back with the result. May be empty.
	ID string
	// Document is what to work on.
	Document D
	// Context is bound to this document's ciphertext, as [Metadata.Context] is to a single one's. Nil: the metadata's; one without pairs
	// binds nothing.
	Context map[string]string
}

// Result is what became of one [Item].
type Result[D any] struct {
	// ID is the item's.
	ID string
	// Document is what was made of it; the zero value where Err is not nil.
	Document D
	// Err is an [*Error], or nil. Items are not tried again.
	Err error
}

// EncryptBatch encrypts many documents of one tenant, at most 1,000 unless the daemon is configured otherwise. The results are in the
// order of the items; each has its own error. The call fails as a whole only where the request itself is at fault or no daemon answers.
func (c *Client) EncryptBatch(
	ctx context.Context, items []Item[PlaintextDocument], md Metadata,
) ([]Result[EncryptedDocument], error) {
	about, err := md.over(c.defaults)
	if err != nil {
		return nil, err
	}
	request := &pb.BatchEncryptRequest{TenantId: about.tenantID, Metadata: about.metadata}
	for _, item := range items {
		if err := checkItem(item, item.Document.Fields); err != nil {
			return nil, err
		}
		request.Documents = append(request.Documents, &pb.EncryptDocument{
			Id: item.ID, Context: about.contextOf(item.Context), Fields: item.Document.Fields, Edek: item.Document.EDEK,
		})
	}
	response, err := invoke(ctx, c.conn, c.crypto.BatchEncrypt, request)
	if err != nil {
		return nil, err
	}
	return results(items, response.GetResults(), func(r *pb.BatchEncryptResult) (EncryptedDocument, bool) {
		return encryptedDocument(r.GetDocument()), r.GetDocument() != nil
	})
}

// DecryptBatch decrypts many documents of one tenant. Otherwise as [Client.EncryptBatch].
func (c *Client) DecryptBatch(
	ctx context.Context, items []Item[EncryptedDocument], md Metadata,
) ([]Result[PlaintextDocument], error) {
	about, err := md.over(c.defaults)
	if err != nil {
		return nil, err
	}
	request := &pb.BatchDecryptRequest{TenantId: about.tenantID, Metadata: about.metadata}
	for _, item := range items {
		if err := checkItem(item, item.Document.Fields); err != nil {
			return nil, err
		}
		request.Documents = append(request.Documents, &pb.DecryptDocument{
			Id: item.ID, Context: about.contextOf(item.Context), Fields: item.Document.Fields, Edek: item.Document.EDEK,
		})
	}
	response, err := invoke(ctx, c.conn, c.crypto.BatchDecrypt, request)
	if err != nil {
		return nil, err
	}
	return results(items, response.GetResults(), func(r *pb.BatchDecryptResult) (PlaintextDocument, bool) {
		return PlaintextDocument{Fields: r.GetDocument().GetFields()}, r.GetDocument() != nil
	})
}

// RewrapBatch wraps many keys again; an item's document is its EDEK. Otherwise as [Client.EncryptBatch].
func (c *Client) RewrapBatch(
	ctx context.Context, items []Item[[]byte], md Metadata, options ...RewrapOption,
) ([]Result[RewrappedKey], error) {
	about, err := md.over(c.defaults)
	if err != nil {
		return nil, err
	}
	key, err := targetKey(options)
	if err != nil {
		return nil, err
	}
	request := &pb.BatchRewrapRequest{TenantId: about.tenantID, Metadata: about.metadata, TargetKeyId: key}
	for _, item := range items {
		if err := checkItem(item, nil); err != nil {
			return nil, err
		}
		request.Documents = append(request.Documents, &pb.RewrapDocument{Id: item.ID, Context: about.contextOf(item.Context), Edek: item.Document})
	}
	response, err := invoke(ctx, c.conn, c.crypto.BatchRewrap, request)
	if err != nil {
		return nil, err
	}
	return results(items, response.GetResults(), func(r *pb.BatchRewrapResult) (RewrappedKey, bool) {
		return rewrappedKey(r.GetDocument()), r.GetDocument() != nil
	})
}

func checkItem[D any](item Item[D], fields map[string][]byte) error {
	return firstError(checkText("the id of an item", item.ID), checkPairs("context", item.Context), checkNames(fields))
}

// outcome is one result as the three kinds of batches have it.
type outcome interface {
	GetId() string
	GetError() *rpcstatus.Status
}

// results checks that there is one for each item, in its place: a daemon that mixed them up would mix up documents.
func results[D, E any, R outcome](items []Item[D], outcomes []R, document func(R) (E, bool)) ([]Result[E], error) {
	if len(outcomes) != len(items) {
		message := fmt.Sprintf("the daemon answered with %d results for %d items", len(outcomes), len(items))
		return nil, newError(ErrInternal, codes.Internal, message)
	}
	all := make([]Result[E], len(items))
	for i, o := range outcomes {
		if o.GetId() != items[i].ID {
			return nil, newError(ErrInternal, codes.Internal, "the daemon answered in another order than it was asked")
		}
		all[i].ID = o.GetId()
		found, ok := document(o)
		switch {
		case ok:
			all[i].Document = found
		case o.GetError() != nil && o.GetError().GetCode() != int32(codes.OK):
			all[i].Err, _ = fromStatus(status.FromProto(o.GetError()))
		default:
			all[i].Err = newError(ErrInternal, codes.Internal, "the daemon gave neither a document nor an error")
		}
	}
	return all, nil
}

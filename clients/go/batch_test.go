package keyside

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "keyside.dev/client/internal/gen/keyside/v1"
)

// batchOf is a daemon that answers a batch as it is told.
func batchOf(results ...*pb.BatchEncryptResult) (*scriptedDaemon, *int) {
	var calls int
	return &scriptedDaemon{
		batchEncrypt: func(context.Context, *pb.BatchEncryptRequest) (*pb.BatchEncryptResponse, error) {
			calls++
			return &pb.BatchEncryptResponse{Results: results}, nil
		},
	}, &calls
}

func sealedItem(id string) *pb.BatchEncryptResult {
	return &pb.BatchEncryptResult{Id: id, Outcome: &pb.BatchEncryptResult_Document{Document: &pb.EncryptResponse{Edek: []byte(id)}}}
}

func refusedItem(id string, err error) *pb.BatchEncryptResult {
	return &pb.BatchEncryptResult{Id: id, Outcome: &pb.BatchEncryptResult_Error{Error: status.Convert(err).Proto()}}
}

func TestEachItemOfABatchHasItsOwnResultAndIsNotTriedAgain(t *testing.T) {
	busy := refusal(codes.ResourceExhausted, "KMS_THROTTLED", 0, "tenantId", "acme", "keyId", "k1")
	daemon, calls := batchOf(sealedItem("a"), refusedItem("", busy), &pb.BatchEncryptResult{Id: "c"})
	client := clientOf(t, daemon.start(t))
	results, err := client.EncryptBatch(t.Context(), []Item[PlaintextDocument]{{ID: "a"}, {}, {ID: "c"}}, acme)
	if err != nil || len(results) != 3 || *calls != 1 {
		t.Fatalf("%d results after %d calls, %v", len(results), *calls, err)
	}
	if results[0].ID != "a" || results[0].Err != nil || string(results[0].Document.EDEK) != "a" {
		t.Errorf("got %+v", results[0])
	}
	var e *Error
	if !errors.As(results[1].Err, &e) || e.Reason != ErrKMSThrottled || !e.Retryable || e.KeyID != "k1" || results[1].Document.EDEK != nil {
		t.Errorf("got %+v", results[1])
	}
	if !errors.Is(results[2].Err, ErrInternal) {
		t.Errorf("got %+v", results[2])
	}
}

func TestAnItemWithoutAContextHasThatOfTheMetadata(t *testing.T) {
	var asked *pb.BatchEncryptRequest
	daemon := &scriptedDaemon{
		batchEncrypt: func(_ context.Context, request *pb.BatchEncryptRequest) (*pb.BatchEncryptResponse, error) {
			asked = request
			return &pb.BatchEncryptResponse{Results: []*pb.BatchEncryptResult{sealedItem(""), sealedItem(""), sealedItem("")}}, nil
		},
	}
	md := Metadata{TenantID: "acme", Context: map[string]string{"table": "users"}}
	items := []Item[PlaintextDocument]{{}, {Context: map[string]string{"row": "1"}}, {Context: map[string]string{}}}
	if _, err := clientOf(t, daemon.start(t)).EncryptBatch(t.Context(), items, md); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"map[table:users]", "map[row:1]", "map[]"} {
		if got := fmt.Sprint(asked.GetDocuments()[i].GetContext()); got != want {
			t.Errorf("item %d is bound to %s, not %s", i, got, want)
		}
	}
}

func TestABatchWhoseResultsAreNotThoseAskedForIsRefused(t *testing.T) {
	for name, answers := range map[string][]*pb.BatchEncryptResult{
		"too few":       {sealedItem("a")},
		"too many":      {sealedItem("a"), sealedItem("b"), sealedItem("c")},
		"another order": {sealedItem("b"), sealedItem("a")},
	} {
		t.Run(name, func(t *testing.T) {
			daemon, _ := batchOf(answers...)
			client := clientOf(t, daemon.start(t))
			results, err := client.EncryptBatch(t.Context(), []Item[PlaintextDocument]{{ID: "a"}, {ID: "b"}}, acme)
			if !errors.Is(err, ErrInternal) || results != nil {
				t.Errorf("got %v, %v", results, err)
			}
		})
	}
}

package keyside

import (
	"context"
	"testing"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/proto"

	pb "keyside.dev/client/internal/gen/keyside/v1"
)

// recording is a daemon that keeps the last request and answers something.
func recording() (*scriptedDaemon, *proto.Message) {
	var last proto.Message
	row := map[string][]byte{"a": []byte("x")}
	rewrapped := &pb.RewrapResponse{Edek: []byte("new"), KeyId: "k2", Changed: true}
	return &scriptedDaemon{
		encrypt: func(_ context.Context, r *pb.EncryptRequest) (*pb.EncryptResponse, error) {
			last = r
			return &pb.EncryptResponse{Edek: []byte("edek"), Fields: row}, nil
		},
		rewrap: func(_ context.Context, r *pb.RewrapRequest) (*pb.RewrapResponse, error) {
			last = r
			return rewrapped, nil
		},
		batchDecrypt: func(_ context.Context, r *pb.BatchDecryptRequest) (*pb.BatchDecryptResponse, error) {
			last = r
			outcome := &pb.BatchDecryptResult_Document{Document: &pb.DecryptResponse{Fields: row}}
			return &pb.BatchDecryptResponse{Results: []*pb.BatchDecryptResult{{Id: "1", Outcome: outcome}}}, nil
		},
		batchRewrap: func(_ context.Context, r *pb.BatchRewrapRequest) (*pb.BatchRewrapResponse, error) {
			last = r
			outcome := &pb.BatchRewrapResult_Document{Document: rewrapped}
			return &pb.BatchRewrapResponse{Results: []*pb.BatchRewrapResult{{Id: "1", Outcome: outcome}}}, nil
		},
		listKeys: func(_ context.Context, r *pb.ListKeysRequest) (*pb.ListKeysResponse, error) {
			last = r
			return &pb.ListKeysResponse{Keys: []*pb.KeyConfiguration{{KeyId: "k1", State: 2}, {KeyId: "k2", State: 1}}}, nil
		},
		dropKeys: func(_ context.Context, r *pb.DropKeysRequest) (*pb.DropKeysResponse, error) {
			last = r
			return &pb.DropKeysResponse{Dropped: 7}, nil
		},
	}, &last
}

// sent fails where the daemon was asked for something else.
func sent(t *testing.T, last *proto.Message, want proto.Message, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	} else if !proto.Equal(*last, want) {
		t.Errorf("sent %v, want %v", *last, want)
	}
}

func TestAFieldIsEncryptedUnderTheKeyOfAnExistingDocument(t *testing.T) {
	daemon, last := recording()
	client := clientOf(t, daemon.start(t))
	fields := map[string][]byte{"a": []byte("x")}
	document, err := client.Encrypt(t.Context(), PlaintextDocument{Fields: fields, EDEK: []byte("edek")}, acme)
	sent(t, last, &pb.EncryptRequest{TenantId: "acme", Metadata: &pb.RequestMetadata{}, Fields: fields, Edek: []byte("edek")}, err)
	if string(document.EDEK) != "edek" || string(document.Fields["a"]) != "x" {
		t.Errorf("got %v", document)
	}
}

func TestAKeyIsWrappedAgainUnderTheKeyThatIsNamed(t *testing.T) {
	daemon, last := recording()
	client := clientOf(t, daemon.start(t))
	bound := map[string]string{"row": "1"}
	for _, name := range []string{"", "k2"} {
		var options []RewrapOption
		if name != "" {
			options = append(options, UnderKey(name))
		}
		md := Metadata{TenantID: "acme", Context: bound}
		key, err := client.Rewrap(t.Context(), []byte("old"), md, options...)
		sent(t, last, &pb.RewrapRequest{
			TenantId: "acme", Metadata: &pb.RequestMetadata{}, Context: bound, Edek: []byte("old"), TargetKeyId: name,
		}, err)
		if string(key.EDEK) != "new" || key.KeyID != "k2" || !key.Changed {
			t.Errorf("got %+v", key)
		}
		items := []Item[[]byte]{{ID: "1", Document: []byte("old"), Context: bound}}
		results, err := client.RewrapBatch(t.Context(), items, acme, options...)
		sent(t, last, &pb.BatchRewrapRequest{
			TenantId: "acme", Metadata: &pb.RequestMetadata{}, TargetKeyId: name,
			Documents: []*pb.RewrapDocument{{Id: "1", Edek: []byte("old"), Context: bound}},
		}, err)
		if len(results) != 1 || results[0].Err != nil || results[0].Document.KeyID != "k2" {
			t.Errorf("got %+v", results)
		}
	}
}

func TestManyDocumentsAreDecryptedInOneCall(t *testing.T) {
	daemon, last := recording()
	client := clientOf(t, daemon.start(t))
	document := EncryptedDocument{EDEK: []byte("edek"), Fields: map[string][]byte{"a": []byte("y")}}
	bound := map[string]string{"row": "1"}
	results, err := client.DecryptBatch(t.Context(), []Item[EncryptedDocument]{{ID: "1", Document: document, Context: bound}}, acme)
	sent(t, last, &pb.BatchDecryptRequest{
		TenantId: "acme", Metadata: &pb.RequestMetadata{},
		Documents: []*pb.DecryptDocument{{Id: "1", Edek: document.EDEK, Fields: document.Fields, Context: bound}},
	}, err)
	if len(results) != 1 || results[0].Err != nil || string(results[0].Document.Fields["a"]) != "x" {
		t.Errorf("got %+v", results)
	}
}

func TestKeysAreListedAndDropped(t *testing.T) {
	daemon, last := recording()
	client := clientOf(t, daemon.start(t))
	keys, err := client.ListKeys(t.Context(), "acme")
	sent(t, last, &pb.ListKeysRequest{TenantId: "acme"}, err)
	if len(keys) != 2 || keys[0].ID != "k1" || keys[0].State != KeyActive || keys[1].State != KeyPrimary {
		t.Errorf("got %+v", keys)
	}
	dropped, err := client.DropKeys(t.Context(), KeyReference{TenantID: "acme", KeyID: "k1"})
	sent(t, last, &pb.DropKeysRequest{TenantId: "acme", KeyId: "k1"}, err)
	if dropped != 7 {
		t.Errorf("%d were dropped", dropped)
	}
}

func TestADaemonThatShutsDownIsNotServing(t *testing.T) {
	for status, want := range map[healthpb.HealthCheckResponse_ServingStatus]bool{
		healthpb.HealthCheckResponse_SERVING:     true,
		healthpb.HealthCheckResponse_NOT_SERVING: false,
	} {
		daemon := &scriptedDaemon{serving: status}
		client := clientOf(t, daemon.start(t))
		if serving, err := client.IsServing(t.Context()); err != nil || serving != want {
			t.Errorf("%v: %t, %v", status, serving, err)
		}
	}
}

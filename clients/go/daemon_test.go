package keyside

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "keyside.dev/client/internal/gen/keyside/v1"
)

type (
	encryptServer = grpc.BidiStreamingServer[pb.EncryptStreamRequest, pb.EncryptStreamResponse]
	decryptServer = grpc.BidiStreamingServer[pb.DecryptStreamRequest, pb.DecryptStreamResponse]
)

// scriptedDaemon does what a test says. What no test says ends in UNIMPLEMENTED.
type scriptedDaemon struct {
	pb.UnimplementedCryptoServiceServer
	pb.UnimplementedKeyServiceServer
	pb.UnimplementedAuditServiceServer

	serving       healthpb.HealthCheckResponse_ServingStatus
	encrypt       func(context.Context, *pb.EncryptRequest) (*pb.EncryptResponse, error)
	decrypt       func(context.Context, *pb.DecryptRequest) (*pb.DecryptResponse, error)
	rewrap        func(context.Context, *pb.RewrapRequest) (*pb.RewrapResponse, error)
	batchEncrypt  func(context.Context, *pb.BatchEncryptRequest) (*pb.BatchEncryptResponse, error)
	batchDecrypt  func(context.Context, *pb.BatchDecryptRequest) (*pb.BatchDecryptResponse, error)
	batchRewrap   func(context.Context, *pb.BatchRewrapRequest) (*pb.BatchRewrapResponse, error)
	encryptStream func(encryptServer) error
	decryptStream func(decryptServer) error
	checkKey      func(context.Context, *pb.CheckKeyRequest) (*pb.CheckKeyResponse, error)
	listKeys      func(context.Context, *pb.ListKeysRequest) (*pb.ListKeysResponse, error)
	dropKeys      func(context.Context, *pb.DropKeysRequest) (*pb.DropKeysResponse, error)
	logEvent      func(context.Context, *pb.LogSecurityEventRequest) (*pb.LogSecurityEventResponse, error)
}

func (d *scriptedDaemon) Encrypt(ctx context.Context, r *pb.EncryptRequest) (*pb.EncryptResponse, error) {
	return d.encrypt(ctx, r)
}

func (d *scriptedDaemon) Decrypt(ctx context.Context, r *pb.DecryptRequest) (*pb.DecryptResponse, error) {
	return d.decrypt(ctx, r)
}

func (d *scriptedDaemon) Rewrap(ctx context.Context, r *pb.RewrapRequest) (*pb.RewrapResponse, error) {
	return d.rewrap(ctx, r)
}

func (d *scriptedDaemon) BatchEncrypt(ctx context.Context, r *pb.BatchEncryptRequest) (*pb.BatchEncryptResponse, error) {
	return d.batchEncrypt(ctx, r)
}

func (d *scriptedDaemon) BatchDecrypt(ctx context.Context, r *pb.BatchDecryptRequest) (*pb.BatchDecryptResponse, error) {
	return d.batchDecrypt(ctx, r)
}

func (d *scriptedDaemon) BatchRewrap(ctx context.Context, r *pb.BatchRewrapRequest) (*pb.BatchRewrapResponse, error) {
	return d.batchRewrap(ctx, r)
}

func (d *scriptedDaemon) ListKeys(ctx context.Context, r *pb.ListKeysRequest) (*pb.ListKeysResponse, error) {
	return d.listKeys(ctx, r)
}

func (d *scriptedDaemon) DropKeys(ctx context.Context, r *pb.DropKeysRequest) (*pb.DropKeysResponse, error) {
	return d.dropKeys(ctx, r)
}

func (d *scriptedDaemon) EncryptStream(s encryptServer) error { return d.encryptStream(s) }

func (d *scriptedDaemon) DecryptStream(s decryptServer) error { return d.decryptStream(s) }

func (d *scriptedDaemon) CheckKey(ctx context.Context, r *pb.CheckKeyRequest) (*pb.CheckKeyResponse, error) {
	return d.checkKey(ctx, r)
}

func (d *scriptedDaemon) LogSecurityEvent(
	ctx context.Context, r *pb.LogSecurityEventRequest,
) (*pb.LogSecurityEventResponse, error) {
	return d.logEvent(ctx, r)
}

func newServer(d *scriptedDaemon, options ...grpc.ServerOption) *grpc.Server {
	server := grpc.NewServer(options...)
	pb.RegisterCryptoServiceServer(server, d)
	pb.RegisterKeyServiceServer(server, d)
	pb.RegisterAuditServiceServer(server, d)
	answers := health.NewServer()
	answers.SetServingStatus("keyside.v1.CryptoService", d.serving)
	healthpb.RegisterHealthServer(server, answers)
	return server
}

// start serves on a port of its own until the test ends, and returns the address.
func (d *scriptedDaemon) start(t testing.TB, options ...grpc.ServerOption) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(d, options...)
	go serve(server, listener)
	t.Cleanup(server.Stop)
	return listener.Addr().String()
}

func serve(server *grpc.Server, listener net.Listener) {
	if err := server.Serve(listener); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		panic(err)
	}
}

// clientOf makes a client that the environment does not reach.
func clientOf(t testing.TB, address string, options ...Option) *Client {
	t.Helper()
	client, err := New(append([]Option{WithAddress(address), WithTokenFile("")}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return client
}

// refusal is a daemon's answer with details. A negative retryAfter: without google.rpc.RetryInfo.
func refusal(code codes.Code, reason string, retryAfter time.Duration, facts ...string) error {
	info := &errdetails.ErrorInfo{Domain: "keyside.dev", Reason: reason, Metadata: map[string]string{}}
	for i := 0; i+1 < len(facts); i += 2 {
		info.Metadata[facts[i]] = facts[i+1]
	}
	st, err := status.New(code, reason+": as the test says").WithDetails(info)
	if err == nil && retryAfter >= 0 {
		st, err = st.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(retryAfter)})
	}
	if err != nil {
		panic(err)
	}
	return st.Err()
}

const noRetry time.Duration = -1

var acme = Metadata{TenantID: "acme"}

func documentOf(name, value string) PlaintextDocument {
	return PlaintextDocument{Fields: map[string][]byte{name: []byte(value)}}
}

// noStreamLeft fails where a goroutine of a stream is still there some time after the test.
func noStreamLeft(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		stacks := make([]byte, 1<<20)
		for range 500 {
			all := string(stacks[:runtime.Stack(stacks, true)])
			if !strings.Contains(all, "client.(*duplex[") {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Errorf("a stream was left behind:\n%s", stacks[:runtime.Stack(stacks, true)])
	})
}

// TestMain gives the examples a daemon: the real one where the conformance suite runs them, else one that mirrors.
func TestMain(m *testing.M) {
	if os.Getenv("KEYSIDE_INTEROP_PHASE") == "" {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		go serve(newServer(mirrorDaemon()), listener)
		setenv("KEYSIDE_ADDRESS", listener.Addr().String())
		setenv("KEYSIDE_TOKEN_FILE", "")
	}
	os.Exit(m.Run())
}

func setenv(name, value string) {
	if err := os.Setenv(name, value); err != nil {
		panic(err)
	}
}

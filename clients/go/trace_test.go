package keyside

import (
	"context"
	"testing"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/metadata"

	pb "keyside.dev/client/internal/gen/keyside/v1"
)

func tracedContext(t *testing.T) context.Context {
	t.Helper()
	state, err := trace.ParseTraceState("vendor=1")
	if err != nil {
		t.Fatal(err)
	}
	span := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1, 2, 3}, SpanID: trace.SpanID{4, 5}, TraceFlags: trace.FlagsSampled, TraceState: state,
	})
	member, err := baggage.NewMember("customer", "secret")
	if err != nil {
		t.Fatal(err)
	}
	bag, err := baggage.New(member)
	if err != nil {
		t.Fatal(err)
	}
	return baggage.ContextWithBaggage(trace.ContextWithSpanContext(t.Context(), span), bag)
}

func TestTheTraceContextGoesAlongAndNoBaggage(t *testing.T) {
	var calls []metadata.MD
	keep := func(ctx context.Context) {
		md, _ := metadata.FromIncomingContext(ctx)
		calls = append(calls, md)
	}
	daemon := mirrorDaemon()
	daemon.encrypt = func(ctx context.Context, _ *pb.EncryptRequest) (*pb.EncryptResponse, error) {
		keep(ctx)
		return &pb.EncryptResponse{}, nil
	}
	daemon.decryptStream = func(s decryptServer) error {
		keep(s.Context())
		return mirrorDecryptStream(s)
	}
	client := clientOf(t, daemon.start(t))
	ctx := tracedContext(t)
	if _, err := client.Encrypt(ctx, documentOf("a", "x"), acme); err != nil {
		t.Fatal(err)
	}
	if got := decryptAll(t, client, ctx, mirror([]byte("x"))); got != "x" {
		t.Fatalf("decrypted %q", got)
	}
	for i, md := range calls {
		if got := md.Get("traceparent"); len(got) != 1 || got[0] != "00-01020300000000000000000000000000-0405000000000000-01" {
			t.Errorf("call %d: traceparent is %v", i, got)
		}
		if got := md.Get("tracestate"); len(got) != 1 || got[0] != "vendor=1" {
			t.Errorf("call %d: tracestate is %v", i, got)
		}
		if got := md.Get("baggage"); len(got) != 0 {
			t.Errorf("call %d: baggage is %v", i, got)
		}
	}
	if len(calls) != 2 {
		t.Errorf("%d calls were made", len(calls))
	}
}

func TestWithoutATraceNothingGoesAlong(t *testing.T) {
	var seen metadata.MD
	daemon := &scriptedDaemon{encrypt: func(ctx context.Context, _ *pb.EncryptRequest) (*pb.EncryptResponse, error) {
		seen, _ = metadata.FromIncomingContext(ctx)
		return &pb.EncryptResponse{}, nil
	}}
	client := clientOf(t, daemon.start(t))
	if _, err := client.Encrypt(t.Context(), documentOf("a", "x"), acme); err != nil || len(seen.Get("traceparent")) != 0 {
		t.Errorf("the daemon was given %v (%v)", seen, err)
	}
}

package keyside

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"go.opentelemetry.io/otel/propagation"
)

// reconnect is how a daemon that is still starting is looked for: after 100 ms first, then never later than after 1 s.
var reconnect = backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 800 * time.Millisecond}

// connection is one channel to one daemon. It connects at the first call, and again after each failure.
type connection struct {
	channel        *grpc.ClientConn
	target         *target
	address        string
	tokenFile      *tokenFile
	timeout        time.Duration
	connectTimeout time.Duration
	retries        retries
	isClosed       atomic.Bool
}

func newConnection(s settings) (*connection, error) {
	t, err := parseTarget(s.address, s.tls)
	if err != nil {
		return nil, err
	}
	channel, err := grpc.NewClient("passthrough:///"+t.authority,
		grpc.WithTransportCredentials(t.credentials),
		grpc.WithContextDialer(t.dial),
		// The messages are plaintext: a proxy that the environment names for the web must never see one.
		grpc.WithNoProxy(),
		grpc.WithDisableServiceConfig(),
		grpc.WithDisableRetry(),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect, MinConnectTimeout: dialTimeout}),
		// The daemon limits what it takes; what it answers is at most that much.
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(math.MaxInt32), grpc.MaxCallSendMsgSize(math.MaxInt32)),
	)
	if err != nil {
		return nil, fmt.Errorf("keyside: %w", err)
	}
	c := &connection{
		channel:        channel,
		target:         t,
		address:        s.address,
		timeout:        s.timeout,
		connectTimeout: s.connectTimeout,
		retries:        newRetries(s.maxAttempts),
	}
	if s.tokenFile != "" {
		c.tokenFile = &tokenFile{path: s.tokenFile}
	}
	return c, nil
}

func (c *connection) close() error {
	c.isClosed.Store(true)
	if err := c.channel.Close(); err != nil && status.Code(err) != codes.Canceled {
		return fmt.Errorf("keyside: %w", err)
	}
	return nil
}

// ready waits until the daemon is connected to.
func (c *connection) ready(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, c.connectTimeout)
	defer cancel()
	for {
		state := c.channel.GetState()
		switch state {
		case connectivity.Ready:
			return nil
		case connectivity.Shutdown:
			return c.closed()
		case connectivity.Idle:
			c.channel.Connect()
		}
		if !c.channel.WaitForStateChange(waiting, state) {
			return c.unreachable(ctx, state)
		}
	}
}

// unreachable is why ready has given up; nil where a call fails at once and says more.
func (c *connection) unreachable(ctx context.Context, state connectivity.State) error {
	failure := c.target.lastFailure()
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return c.cancelled(ctx)
	case failure != nil:
		return c.noDaemon(connectText(failure), failure, ctx.Err())
	case ctx.Err() == nil && state == connectivity.TransientFailure:
		// It was reached, and what came after failed, such as the handshake.
		return nil
	}
	return c.noDaemon("it did not answer", ctx.Err())
}

func (c *connection) noDaemon(says string, causes ...error) *Error {
	return newError(ErrUnavailable, codes.Unavailable, fmt.Sprintf("no daemon answers at %s (%s)", c.address, says), causes...)
}

func (c *connection) late(causes ...error) *Error {
	return newError(ErrDeadlineExceeded, codes.DeadlineExceeded, "no answer from "+c.address+" in time", causes...)
}

func (c *connection) cancelled(ctx context.Context) *Error {
	return newError(ErrCancelled, codes.Canceled, "the caller cancelled the call", ctx.Err(), context.Cause(ctx))
}

func (c *connection) closed() *Error {
	return newError(ErrCancelled, codes.Canceled, "the client is closed")
}

// outgoing is the context to call with: with the token, which it returns too, and the trace context, and without metadata that the
// caller's context carries for somebody else.
func (c *connection) outgoing(ctx context.Context) (context.Context, string, error) {
	md := metadata.MD{}
	token := ""
	if c.tokenFile != nil {
		var err error
		if token, err = c.tokenFile.read(); err != nil {
			return nil, "", err
		}
		md.Set("authorization", "Bearer "+token)
	}
	propagation.TraceContext{}.Inject(ctx, carrier(md))
	return metadata.NewOutgoingContext(ctx, md), token, nil
}

// isTokenReplaced tells whether the daemon refused a token and the file holds another one by now.
func (c *connection) isTokenReplaced(err error, refused string) bool {
	if c.tokenFile == nil || status.Code(err) != codes.Unauthenticated {
		return false
	}
	token, err := c.tokenFile.read()
	return err == nil && token != refused
}

// failed makes an *Error of what gRPC reports: what the daemon sent along, or in words why no daemon answered.
func (c *connection) failed(ctx context.Context, err error) error {
	e, isDaemons := fromStatus(status.Convert(err))
	if isDaemons {
		return e
	}
	switch e.Code {
	case codes.Canceled:
		if ctx.Err() != nil {
			return c.cancelled(ctx)
		}
		if c.isClosed.Load() {
			return c.closed()
		}
	case codes.DeadlineExceeded:
		return c.late(context.DeadlineExceeded)
	case codes.Unavailable:
		return c.noDaemon(transportText(e.Message))
	}
	return e
}

// transportText takes grpc-go's own words away from what the system says.
func transportText(message string) string {
	for _, prefix := range []string{`connection error: desc = "`, "transport: "} {
		message = strings.TrimPrefix(message, prefix)
	}
	return strings.TrimSuffix(message, `"`)
}

// carrier lets the trace context be written into gRPC metadata.
type carrier metadata.MD

func (c carrier) Get(key string) string {
	if values := metadata.MD(c).Get(key); len(values) > 0 {
		return values[0]
	}
	return ""
}

func (c carrier) Set(key, value string) { metadata.MD(c).Set(key, value) }

func (c carrier) Keys() []string {
	keys := make([]string, 0, len(c))
	for key := range c {
		keys = append(keys, key)
	}
	return keys
}

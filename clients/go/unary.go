package keyside

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"
)

// maxJitter is how much longer than the daemon asks a retry waits at most, as a part of that time.
const maxJitter = 0.2

// retries is when a failed call is made again.
type retries struct {
	maxAttempts int
	// random is from [0, 1).
	random func() float64
	// sleep returns early where the context ends.
	sleep func(context.Context, time.Duration)
}

func newRetries(maxAttempts int) retries {
	return retries{maxAttempts: maxAttempts, random: rand.Float64, sleep: sleep}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// delay is how long to wait before the next attempt. Second result: whether there is to be one: where the daemon named a time to wait
// and the deadline lies beyond it. The context has a deadline.
func (r retries) delay(ctx context.Context, err error, attempt int) (time.Duration, bool) {
	var e *Error
	if attempt >= r.maxAttempts || !errors.As(err, &e) || e.answer == nil || !e.Retryable {
		return 0, false
	}
	deadline, _ := ctx.Deadline()
	left := time.Until(deadline)
	// Before anything is added: the daemon may name the longest time there is.
	if e.RetryAfter >= left {
		return 0, false
	}
	wait := e.RetryAfter + time.Duration(maxJitter*r.random()*float64(e.RetryAfter))
	return wait, wait < left
}

// method is a call as the generated stubs have it.
type method[Request, Response any] func(context.Context, *Request, ...grpc.CallOption) (*Response, error)

// invoke makes a call, and makes it again where the daemon asks for that.
func invoke[Request, Response any](
	ctx context.Context, c *connection, call method[Request, Response], request *Request,
) (*Response, error) {
	if _, ok := ctx.Deadline(); !ok {
		bounded, cancel := context.WithTimeout(ctx, c.timeout)
		defer cancel()
		ctx = bounded
	}
	for attempt := 1; ; attempt++ {
		response, err := attemptOf(ctx, c, call, request)
		if err == nil {
			return response, nil
		}
		wait, ok := c.retries.delay(ctx, err, attempt)
		if !ok {
			return nil, err
		}
		c.retries.sleep(ctx, wait)
	}
}

func attemptOf[Request, Response any](
	ctx context.Context, c *connection, call method[Request, Response], request *Request,
) (*Response, error) {
	if err := c.ready(ctx); err != nil {
		return nil, err
	}
	outgoing, token, err := c.outgoing(ctx)
	if err != nil {
		return nil, err
	}
	response, err := call(outgoing, request)
	if err != nil && c.isTokenReplaced(err, token) {
		// A daemon that started anew has made a new one meanwhile. What it refused it has not carried out.
		if outgoing, _, err = c.outgoing(ctx); err != nil {
			return nil, err
		}
		response, err = call(outgoing, request)
	}
	if err != nil {
		return nil, c.failed(ctx, err)
	}
	return response, nil
}

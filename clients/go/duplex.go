package keyside

import (
	"context"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

// pieceBytes is what the daemon works off at once; longer pieces are cut.
const pieceBytes = 256 << 10

// duplex is one call with messages both ways, each at the other side's pace. It has one goroutine that receives, which holds one
// message at most and ends with the call; what the application gave is touched by the application's own calls alone.
type duplex[Request, Response any] struct {
	stream grpc.BidiStreamingClient[Request, Response]
	ctx    context.Context
	cancel context.CancelCauseFunc
	// in is closed when the call has ended; end says how: io.EOF where the daemon ended it with OK.
	in  chan *Response
	end error
	// patience runs while the application waits for the daemon, and ends the call when it is used up.
	patience *time.Timer
	timeout  time.Duration
	isSent   bool
}

type streamMethod[Request, Response any] func(
	context.Context, ...grpc.CallOption,
) (grpc.BidiStreamingClient[Request, Response], error)

// openDuplex begins a call and sends its first message. The call ends with ctx; it has no deadline of its own.
func openDuplex[Request, Response any](
	ctx context.Context, c *connection, call streamMethod[Request, Response], open *Request,
) (*duplex[Request, Response], error) {
	if err := readyInTime(ctx, c); err != nil {
		return nil, err
	}
	own, cancel := context.WithCancelCause(ctx)
	patience := time.AfterFunc(c.timeout, func() { cancel(c.late(context.DeadlineExceeded)) })
	failed := func(err error) (*duplex[Request, Response], error) {
		patience.Stop()
		if cause := localCause(ctx, own); cause != nil {
			err = cause
		}
		cancel(nil)
		return nil, err
	}
	outgoing, _, err := c.outgoing(own)
	if err != nil {
		return failed(err)
	}
	stream, err := call(outgoing)
	if err != nil {
		return failed(c.failed(ctx, err))
	}
	d := &duplex[Request, Response]{
		stream: stream, ctx: own, cancel: cancel, in: make(chan *Response), patience: patience, timeout: c.timeout,
	}
	// Where the call has failed already, io.EOF says so, and who receives is told why.
	if err := stream.Send(open); err != nil && err != io.EOF {
		return failed(c.failed(ctx, err))
	}
	patience.Stop()
	go d.receiveAll(ctx, c)
	return d, nil
}

func readyInTime(ctx context.Context, c *connection) error {
	waiting, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	return c.ready(waiting)
}

// localCause is why this side ended the call, if it did and not the caller's context.
func localCause(callers, own context.Context) error {
	if own.Err() == nil || callers.Err() != nil {
		return nil
	}
	return context.Cause(own)
}

func (d *duplex[Request, Response]) receiveAll(callers context.Context, c *connection) {
	defer close(d.in)
	for {
		response, err := d.stream.Recv()
		if err == nil {
			select {
			case d.in <- response:
				continue
			case <-d.ctx.Done():
				err = status.FromContextError(d.ctx.Err()).Err()
			}
		}
		d.end = d.reason(callers, c, err)
		d.cancel(d.end)
		return
	}
}

func (d *duplex[Request, Response]) reason(callers context.Context, c *connection, err error) error {
	if err == io.EOF {
		return io.EOF
	}
	if cause := localCause(callers, d.ctx); cause != nil {
		return cause
	}
	return c.failed(callers, err)
}

// start hands a message over. The channel says when it is sent; until then the message must not be changed.
func (d *duplex[Request, Response]) start(message *Request) <-chan error {
	sent := make(chan error, 1)
	go func() { sent <- d.stream.Send(message) }()
	return sent
}

// send sends a message, and gives what arrives meanwhile to take. It returns when the message may be changed again.
func (d *duplex[Request, Response]) send(message *Request, take func(*Response) error) error {
	sent := d.start(message)
	for {
		d.patience.Reset(d.timeout)
		select {
		case err := <-sent:
			d.patience.Stop()
			if err == nil {
				return nil
			}
			return d.broken(err)
		case response, ok := <-d.in:
			d.patience.Stop()
			if !ok {
				<-sent
				return d.ended()
			}
			if err := take(response); err != nil {
				d.cancel(err)
				<-sent
				return err
			}
		}
	}
}

// broken is why a message could not be sent: the receiving side is told.
func (d *duplex[Request, Response]) broken(err error) error {
	if err != io.EOF {
		d.cancel(err)
	}
	for range d.in {
		// What still arrives belongs to nothing whole.
	}
	return d.ended()
}

// endSending says that nothing more comes.
func (d *duplex[Request, Response]) endSending() error {
	d.isSent = true
	return d.stream.CloseSend()
}

// receive waits for the next message. It returns io.EOF where the call has ended with OK.
func (d *duplex[Request, Response]) receive() (*Response, error) {
	d.patience.Reset(d.timeout)
	defer d.patience.Stop()
	response, ok := <-d.in
	if !ok {
		return nil, d.ended()
	}
	return response, nil
}

// ended is how the call has ended, once in is closed.
// Postcondition: io.EOF only where everything was sent and the daemon ended the call with OK.
func (d *duplex[Request, Response]) ended() error {
	if d.end == io.EOF && !d.isSent {
		return unexpectedOrder()
	}
	return d.end
}

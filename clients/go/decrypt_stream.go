package keyside

import (
	"context"
	"errors"
	"io"

	pb "keyside.dev/client/internal/gen/keyside/v1"
)

// ErrIncomplete is what [DecryptReader.Close] returns where the object was not read to its end.
var ErrIncomplete = errors.New("keyside: closed before the end of the object: what was read may not be all of it")

// DecryptStreamOption changes how an object is decrypted.
type DecryptStreamOption func(*decryptStreamSettings)

type decryptStreamSettings struct{ header []byte }

// WithHeader gives the header of an object that was stored apart from its body, see [Detached]. Default: the ciphertext begins with it.
func WithHeader(edek []byte) DecryptStreamOption {
	return func(s *decryptStreamSettings) { s.header = edek }
}

// DecryptReader gives an object's plaintext. Every byte was verified, but only where Read has returned io.EOF is it known that none is
// missing: where it returns anything else, what came before is not the object. It is not safe for concurrent use.
type DecryptReader struct {
	call    *duplex[pb.DecryptStreamRequest, pb.DecryptStreamResponse]
	source  *pieces
	release func() error
	sending <-chan error
	chunk   []byte
	err     error
}

// DecryptStream decrypts an object of any size while it is read, in constant memory. src is read while Read and WriteTo run, never in
// between. Errors of the daemon come from Read, those of src come as they are.
//
// Always call Close, else the stream stays open until ctx is done. The daemon ends a stream whose caller sends or takes nothing for its
// limits.defaultDeadline, 10 seconds by default.
func (c *Client) DecryptStream(
	ctx context.Context, src io.Reader, md Metadata, options ...DecryptStreamOption,
) (*DecryptReader, error) {
	about, err := md.over(c.defaults)
	if err != nil {
		return nil, err
	}
	var s decryptStreamSettings
	for _, option := range options {
		option(&s)
	}
	open := &pb.DecryptStreamOpen{
		TenantId: about.tenantID, Metadata: about.metadata, Context: about.context, Edek: s.header,
	}
	call, err := openDuplex(ctx, c.conn, c.crypto.DecryptStream, openDecrypt(open))
	if err != nil {
		return nil, err
	}
	return &DecryptReader{call: call, source: newPieces(src), release: func() error { return nil }}, nil
}

func openDecrypt(open *pb.DecryptStreamOpen) *pb.DecryptStreamRequest {
	return &pb.DecryptStreamRequest{Message: &pb.DecryptStreamRequest_Open{Open: open}}
}

// Read reads plaintext. io.EOF is the daemon's word that the object is whole.
func (r *DecryptReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := r.fill(); err != nil {
		return 0, err
	}
	n := copy(p, r.chunk)
	r.chunk = r.chunk[n:]
	return n, nil
}

// WriteTo writes the rest of the plaintext to dst; io.Copy uses it. Where it fails, take what dst has got for nothing.
func (r *DecryptReader) WriteTo(dst io.Writer) (int64, error) {
	var total int64
	for {
		err := r.fill()
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
		n, err := dst.Write(r.chunk)
		total += int64(n)
		if err == nil && n != len(r.chunk) {
			err = io.ErrShortWrite
		}
		r.chunk = r.chunk[n:]
		if err != nil {
			return total, err
		}
	}
}

// Close ends the call. It returns nil where Read has returned io.EOF, the error where Read has failed, and [ErrIncomplete] where neither
// has: whoever stops in the middle on purpose need not look. Afterwards src is not read any more.
func (r *DecryptReader) Close() error {
	if r.err == nil {
		r.fail(ErrIncomplete)
	}
	r.chunk = nil
	if err := r.release(); err != nil && r.err == io.EOF {
		return err
	}
	if r.err == io.EOF {
		return nil
	}
	return r.err
}

// fill waits until there is a chunk, sending what of the source is needed for it.
func (r *DecryptReader) fill() error {
	for len(r.chunk) == 0 {
		if r.err != nil {
			return r.err
		}
		if err := r.exchange(); err != nil {
			return r.fail(err)
		}
	}
	return nil
}

// exchange makes one step: it sends a piece, or takes what has arrived.
func (r *DecryptReader) exchange() error {
	if r.sending == nil && !r.call.isSent {
		select {
		case response, ok := <-r.call.in:
			return r.take(response, ok)
		default:
		}
		if err := r.sendNext(); err != nil {
			// A source that ended with the call does not know why the call did.
			if r.call.ctx.Err() != nil {
				return r.call.broken(io.EOF)
			}
			return err
		}
	}
	r.call.patience.Reset(r.call.timeout)
	defer r.call.patience.Stop()
	select {
	case err := <-r.sending:
		r.sending = nil
		if err != nil {
			return r.call.broken(err)
		}
		return nil
	case response, ok := <-r.call.in:
		return r.take(response, ok)
	}
}

func (r *DecryptReader) sendNext() error {
	piece, err := r.source.next()
	if err == io.EOF {
		return r.call.endSending()
	}
	if err != nil {
		return err
	}
	r.sending = r.call.start(&pb.DecryptStreamRequest{Message: &pb.DecryptStreamRequest_Chunk{Chunk: piece}})
	return nil
}

func (r *DecryptReader) take(response *pb.DecryptStreamResponse, isOpen bool) error {
	if !isOpen {
		return r.call.ended()
	}
	r.chunk = response.GetChunk()
	return nil
}

func (r *DecryptReader) fail(err error) error {
	r.err = err
	r.call.cancel(err)
	return err
}

package keyside

import (
	"context"
	"errors"
	"io"

	pb "keyside.dev/client/internal/gen/keyside/v1"
)

var (
	errAborted = errors.New("keyside: the stream was aborted")
	errClosed  = errors.New("keyside: the stream is closed")
)

// EncryptStreamOption changes how an object is encrypted.
type EncryptStreamOption func(*encryptStreamSettings)

type encryptStreamSettings struct{ isDetached bool }

// Detached leaves the header out of what is written: [EncryptWriter.EDEK] has it, to be stored apart.
func Detached() EncryptStreamOption {
	return func(s *encryptStreamSettings) { s.isDetached = true }
}

// EncryptWriter encrypts what is written to it. It is whole only where [EncryptWriter.Close] returns nil: whatever fails, what dst has got
// until then is nothing to keep. It is not safe for concurrent use.
type EncryptWriter struct {
	call *duplex[pb.EncryptStreamRequest, pb.EncryptStreamResponse]
	dst  io.Writer
	edek []byte
	err  error
}

// EncryptStream begins to encrypt an object of any size, in constant memory. The plaintext is written to the result, and the ciphertext
// goes to dst while Write, ReadFrom and Close run, never in between.
//
// Always call Close or Abort, else the stream stays open until ctx is done. Close says that the plaintext is complete: where producing it
// fails, do not call Close, but Abort.
//
//	w, err := client.EncryptStream(ctx, dst, md)
//	if err != nil {
//		return err
//	}
//	defer w.Abort() // does nothing after Close
//	if _, err := io.Copy(w, src); err != nil {
//		return err
//	}
//	return w.Close()
//
// The daemon ends a stream whose caller sends or takes nothing for its limits.defaultDeadline, 10 seconds by default.
func (c *Client) EncryptStream(
	ctx context.Context, dst io.Writer, md Metadata, options ...EncryptStreamOption,
) (*EncryptWriter, error) {
	about, err := md.over(c.defaults)
	if err != nil {
		return nil, err
	}
	var s encryptStreamSettings
	for _, option := range options {
		option(&s)
	}
	open := &pb.EncryptStreamOpen{
		TenantId: about.tenantID, Metadata: about.metadata, Context: about.context, Detached: s.isDetached,
	}
	request := &pb.EncryptStreamRequest{Message: &pb.EncryptStreamRequest_Open{Open: open}}
	call, err := openDuplex(ctx, c.conn, c.crypto.EncryptStream, request)
	if err != nil {
		return nil, err
	}
	response, err := call.receive()
	if err != nil {
		return nil, err
	}
	if response.GetOpened() == nil {
		err := unexpectedOrder()
		call.cancel(err)
		return nil, err
	}
	return &EncryptWriter{call: call, dst: dst, edek: response.GetOpened().GetEdek()}, nil
}

// EDEK is the object's header. What is written to dst begins with it too, unless the stream is [Detached].
func (w *EncryptWriter) EDEK() []byte { return w.edek }

// Write encrypts p. Small pieces cost a message each: a bufio.Writer around it helps. Once it has failed it fails always.
func (w *EncryptWriter) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		piece := p[written:min(len(p), written+pieceBytes)]
		if err := w.send(piece); err != nil {
			return written, err
		}
		written += len(piece)
	}
	return written, w.err
}

// ReadFrom encrypts all of src; io.Copy uses it. Where src fails the stream is aborted, so that Close cannot make a part of the plaintext
// look like a whole object.
func (w *EncryptWriter) ReadFrom(src io.Reader) (int64, error) {
	var total int64
	source := newPieces(src)
	for w.err == nil {
		piece, err := source.next()
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			w.fail(err)
			return total, err
		}
		if err := w.send(piece); err != nil {
			return total, err
		}
		total += int64(len(piece))
	}
	return total, w.err
}

// Close ends the object and waits until the rest of it is written to dst. Only where it returns nil is the object whole.
func (w *EncryptWriter) Close() error {
	if w.err != nil {
		if w.err == errClosed {
			return nil
		}
		return w.err
	}
	if err := w.call.endSending(); err != nil {
		return w.fail(err)
	}
	for {
		response, err := w.call.receive()
		if err == io.EOF {
			w.err = errClosed
			return nil
		}
		if err == nil {
			err = w.take(response)
		}
		if err != nil {
			return w.fail(err)
		}
	}
}

// Abort gives the object up and ends the call at the daemon too. After Close it does nothing.
func (w *EncryptWriter) Abort() {
	if w.err == nil {
		w.fail(errAborted)
	}
}

func (w *EncryptWriter) send(piece []byte) error {
	if w.err != nil {
		return w.err
	}
	request := &pb.EncryptStreamRequest{Message: &pb.EncryptStreamRequest_Chunk{Chunk: piece}}
	if err := w.call.send(request, w.take); err != nil {
		return w.fail(err)
	}
	return nil
}

func (w *EncryptWriter) take(response *pb.EncryptStreamResponse) error {
	chunk := response.GetChunk()
	if len(chunk) == 0 {
		return nil
	}
	n, err := w.dst.Write(chunk)
	if err == nil && n != len(chunk) {
		err = io.ErrShortWrite
	}
	return err
}

func (w *EncryptWriter) fail(err error) error {
	w.err = err
	w.call.cancel(err)
	return err
}

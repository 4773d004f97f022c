package keyside

import (
	"context"
	"fmt"
	"io"
	"math"

	pb "keyside.dev/client/internal/gen/keyside/v1"
)

// ToEnd as a length is all that follows.
const ToEnd int64 = -1

// maxOffset is 2^53 - 1, the largest number that the daemon takes.
const maxOffset = 1<<53 - 1

// RangeInput is a part of an object, and where its body can be read. The body begins after the header: of a file with both, give
// io.NewSectionReader(file, int64(len(edek)), math.MaxInt64-int64(len(edek))).
type RangeInput struct {
	// EDEK is the object's header.
	EDEK []byte
	// Offset is the first byte of the plaintext to return.
	Offset int64
	// Length is the number of bytes, or ToEnd. What lies beyond the end is left away.
	Length int64
	// ObjectSize is the plaintext's size. It is verified where the range reaches the end.
	ObjectSize int64
	// Body reads the body: a file, a bytes.Reader. Give Body or Open, not both.
	Body io.ReaderAt
	// Open begins to read length bytes at offset of the body: a GET of an object store. It is called at most three times, in turn; each
	// reader is closed before the next. The context ends with the stream.
	Open func(ctx context.Context, offset, length int64) (io.ReadCloser, error)
}

// DecryptRange decrypts a part of an object, reading nothing of its body but what that part needs. Otherwise as [Client.DecryptStream].
func (c *Client) DecryptRange(ctx context.Context, input RangeInput, md Metadata) (*DecryptReader, error) {
	about, err := md.over(c.defaults)
	if err != nil {
		return nil, err
	}
	byteRange, err := input.check()
	if err != nil {
		return nil, err
	}
	open := &pb.DecryptStreamOpen{
		TenantId: about.tenantID, Metadata: about.metadata, Context: about.context, Edek: input.EDEK, Range: byteRange,
	}
	call, err := openDuplex(ctx, c.conn, c.crypto.DecryptStream, openDecrypt(open))
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
	body := &spans{ctx: call.ctx, open: input.Open, left: response.GetOpened().GetSpans()}
	if input.Body != nil {
		body.open = sectionsOf(input.Body)
	}
	return &DecryptReader{call: call, source: newPieces(body), release: body.close}, nil
}

func (in RangeInput) check() (*pb.ByteRange, error) {
	if (in.Body == nil) == (in.Open == nil) {
		return nil, invalidRequest("a range needs either Body or Open")
	}
	if len(in.EDEK) == 0 {
		return nil, invalidRequest("a range needs the object's EDEK")
	}
	length := in.Length
	if length == ToEnd {
		length = maxOffset
	}
	for name, number := range map[string]int64{"Offset": in.Offset, "Length": length, "ObjectSize": in.ObjectSize} {
		if number < 0 || number > maxOffset {
			return nil, invalidRequest(name + " is not from 0 to 2^53 - 1")
		}
	}
	return &pb.ByteRange{Offset: uint64(in.Offset), Length: uint64(length), ObjectSize: uint64(in.ObjectSize)}, nil
}

func sectionsOf(body io.ReaderAt) func(context.Context, int64, int64) (io.ReadCloser, error) {
	return func(_ context.Context, offset, length int64) (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(body, offset, length)), nil
	}
}

// spans reads the parts of a body that the daemon asks for, one after the other.
type spans struct {
	ctx     context.Context
	open    func(ctx context.Context, offset, length int64) (io.ReadCloser, error)
	left    []*pb.BodySpan
	current io.ReadCloser
	// missing is what the current span still has to give.
	missing int64
}

// Read fails where a span gives fewer bytes than it should; of one that gives more, it takes no more.
func (s *spans) Read(p []byte) (int, error) {
	for s.missing == 0 {
		if err := s.next(); err != nil {
			return 0, err
		}
	}
	n, err := s.current.Read(p[:min(int64(len(p)), s.missing)])
	s.missing -= int64(n)
	if s.missing == 0 {
		return n, nil
	}
	if err == io.EOF {
		return n, invalidRequest(fmt.Sprintf("the body ends %d bytes too early", s.missing))
	}
	return n, err
}

// next goes to the next span; io.EOF after the last.
func (s *spans) next() error {
	if err := s.close(); err != nil {
		return err
	}
	if len(s.left) == 0 {
		return io.EOF
	}
	span := s.left[0]
	if span.GetOffset() > math.MaxInt64 || span.GetLength() > math.MaxInt64 {
		return unexpectedOrder()
	}
	current, err := s.open(s.ctx, int64(span.GetOffset()), int64(span.GetLength()))
	if err != nil {
		return err
	}
	s.left, s.current, s.missing = s.left[1:], current, int64(span.GetLength())
	return nil
}

func (s *spans) close() error {
	if s.current == nil {
		return nil
	}
	current := s.current
	s.current, s.missing = nil, 0
	return current.Close()
}

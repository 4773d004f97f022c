package keyside

import "io"

// maxEmptyReads is how often a reader may give nothing and no error.
const maxEmptyReads = 100

// pieces cuts a reader's bytes into what one message carries, as they come.
type pieces struct {
	src    io.Reader
	buffer []byte
	err    error
}

func newPieces(src io.Reader) *pieces {
	return &pieces{src: src, buffer: make([]byte, pieceBytes)}
}

// next returns at least one byte, valid until the next call, or an error: io.EOF at the end.
func (p *pieces) next() ([]byte, error) {
	for range maxEmptyReads {
		if p.err != nil {
			return nil, p.err
		}
		var n int
		n, p.err = p.src.Read(p.buffer)
		if n > 0 {
			return p.buffer[:n], nil
		}
	}
	p.err = io.ErrNoProgress
	return nil, p.err
}

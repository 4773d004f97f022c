package keyside

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"

	"google.golang.org/grpc/codes"
)

// tokenFile is a bearer token in a file. It is read when the token is first asked for, and again whenever it has changed.
type tokenFile struct {
	path string

	mu    sync.Mutex
	seen  fs.FileInfo
	token string
}

// read returns the token, or an *Error CALLER_UNAUTHENTICATED where the file cannot be read or holds none.
func (f *tokenFile) read() (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	// Before the reading: what changes in between is read at the next call.
	info, err := os.Stat(f.path)
	if err == nil && !f.isSeen(info) {
		var content []byte
		if content, err = os.ReadFile(f.path); err == nil {
			f.seen, f.token = info, strings.TrimSpace(string(content))
		}
	}
	if err != nil {
		return "", f.unfit("cannot be read: "+bareText(err), err)
	}
	if !isToken(f.token) {
		return "", f.unfit("holds no token: one line of printable ASCII")
	}
	return f.token, nil
}

func (f *tokenFile) isSeen(info fs.FileInfo) bool {
	return f.seen != nil && os.SameFile(f.seen, info) && f.seen.ModTime().Equal(info.ModTime()) && f.seen.Size() == info.Size()
}

func (f *tokenFile) unfit(says string, causes ...error) error {
	message := fmt.Sprintf("the token file %s %s", f.path, says)
	return newError(ErrCallerUnauthenticated, codes.Unauthenticated, message, causes...)
}

// bareText is what the system says, without the path that stands in the message already.
func bareText(err error) string {
	var atPath *fs.PathError
	if errors.As(err, &atPath) {
		return atPath.Err.Error()
	}
	return err.Error()
}

// isToken tells whether a header can hold it. The token is never shown, for it is a secret.
func isToken(text string) bool {
	for _, c := range []byte(text) {
		if c < '!' || c > '~' {
			return false
		}
	}
	return text != ""
}

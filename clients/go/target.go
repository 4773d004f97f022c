package keyside

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// dialTimeout is the longest that one attempt to connect may take.
const dialTimeout = 5 * time.Second

var hostAndPort = regexp.MustCompile(`^(\[[0-9a-fA-F:.]+\]|[^\s/:\[\]]+):([0-9]{1,5})$`)

// target is where the daemon is and how it is spoken to.
type target struct {
	network     string
	address     string
	authority   string
	credentials credentials.TransportCredentials
	isClear     bool

	mu      sync.Mutex
	failure error
}

// parseTarget reads an address: unix:///path, or host:port ([::1]:7460 for IPv6).
// Precondition: without TLS the host is this machine. What is sent is plaintext, so nothing else is ever spoken to in clear.
func parseTarget(address string, files *TLSFiles) (*target, error) {
	if path, ok := socketPath(address); ok {
		if files != nil {
			return nil, errors.New("keyside: a Unix socket takes no TLS files")
		}
		return &target{network: "unix", address: path, authority: "localhost", credentials: insecure.NewCredentials()}, nil
	}
	parts := hostAndPort.FindStringSubmatch(address)
	if parts == nil {
		return nil, errors.New("keyside: the address must be unix:///path or host:port, such as 127.0.0.1:7460")
	}
	host := parts[1]
	if port, err := strconv.ParseUint(parts[2], 10, 16); err != nil || port == 0 {
		return nil, fmt.Errorf("keyside: %s is not a port", parts[2])
	}
	t := &target{network: "tcp", address: address, authority: address, credentials: insecure.NewCredentials(), isClear: files == nil}
	if files == nil {
		if !isThisMachine(host) {
			return nil, fmt.Errorf("keyside: %s is not this machine: TLS files are needed to speak to it", host)
		}
		return t, nil
	}
	var err error
	t.credentials, err = mutualTLS(*files)
	return t, err
}

func socketPath(address string) (string, bool) {
	path, ok := strings.CutPrefix(address, "unix:")
	if rest, isURI := strings.CutPrefix(path, "//"); isURI {
		path = rest
		ok = ok && strings.HasPrefix(path, "/")
	}
	// An abstract socket has no permissions: whoever is on the machine could be the daemon.
	return path, ok && path != "" && path[0] != '@'
}

func isThisMachine(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && address.IsLoopback() && address.Is4() != strings.HasPrefix(host, "[") && !address.Is4In6()
}

func mutualTLS(files TLSFiles) (credentials.TransportCredentials, error) {
	authorities, err := os.ReadFile(files.CAFile)
	if err != nil {
		return nil, fmt.Errorf("keyside: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authorities) {
		return nil, fmt.Errorf("keyside: %s holds no certificate in PEM", files.CAFile)
	}
	own := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(files.CertFile, files.KeyFile)
		return &pair, err
	}
	if _, err := own(nil); err != nil {
		return nil, fmt.Errorf("keyside: %w", err)
	}
	return credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, GetClientCertificate: own}), nil
}

// dial connects, by no proxy, and keeps what the system says where it cannot.
func (t *target) dial(ctx context.Context, _ string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: dialTimeout}
	if t.isClear {
		dialer.Control = onlyThisMachine
	}
	conn, err := dialer.DialContext(ctx, t.network, t.address)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failure = err
	return conn, err
}

// onlyThisMachine is asked once the name is resolved: a hosts file may call anything localhost.
func onlyThisMachine(_, address string, _ syscall.RawConn) error {
	resolved, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if !resolved.Addr().IsLoopback() {
		return errors.New("it is not this machine, and there are no TLS files")
	}
	return nil
}

// lastFailure is why the last attempt did not connect; nil where it did.
func (t *target) lastFailure() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failure
}

// connectText is what the system says of a connection that could not be made, in words.
func connectText(err error) string {
	var errno syscall.Errno
	switch {
	case errors.Is(err, syscall.ENOENT):
		return "there is no such socket"
	case errors.As(err, &errno):
		return errno.Error()
	}
	var atNet *net.OpError
	if errors.As(err, &atNet) {
		return atNet.Err.Error()
	}
	return err.Error()
}

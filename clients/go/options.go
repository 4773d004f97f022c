package keyside

import (
	"errors"
	"maps"
	"os"
	"time"
)

const (
	defaultAddress        = "127.0.0.1:7460"
	defaultTimeout        = 10 * time.Second
	defaultConnectTimeout = 5 * time.Second
	defaultMaxAttempts    = 4
)

// Option changes how [New] makes a client.
type Option func(*settings)

// TLSFiles names the files of mutual TLS, in PEM. Certificate and key are read again for each connection.
type TLSFiles struct {
	// CAFile has the authorities that the daemon's certificate must be of.
	CAFile string
	// CertFile and KeyFile are the client's own certificate and its private key.
	CertFile string
	KeyFile  string
}

type settings struct {
	address        string
	tokenFile      string
	tls            *TLSFiles
	timeout        time.Duration
	connectTimeout time.Duration
	maxAttempts    int
	defaults       Metadata
}

// WithAddress says where the daemon is: unix:///path or host:port. Default: KEYSIDE_ADDRESS, else 127.0.0.1:7460.
func WithAddress(address string) Option {
	return func(s *settings) { s.address = address }
}

// WithTokenFile names the file of the bearer token; it is read again whenever it has changed. Default: KEYSIDE_TOKEN_FILE, else no
// token. An empty name: no token, whatever the environment says.
func WithTokenFile(file string) Option {
	return func(s *settings) { s.tokenFile = file }
}

// WithTLS uses mutual TLS, without which only this machine is spoken to. Default: none.
func WithTLS(files TLSFiles) Option {
	return func(s *settings) { s.tls = &files }
}

// WithTimeout is the deadline of calls whose context has none, for all attempts together, and the longest wait for the daemon within a
// stream while it is its turn. Default: 10 seconds.
func WithTimeout(timeout time.Duration) Option {
	return func(s *settings) { s.timeout = timeout }
}

// WithConnectTimeout is how long a daemon that does not listen yet is waited for, never beyond the deadline. Default: 5 seconds.
func WithConnectTimeout(timeout time.Duration) Option {
	return func(s *settings) { s.connectTimeout = timeout }
}

// WithMaxAttempts is how often a call is made at most where the daemon names a time to make it again after; 1: once. Default: 4.
func WithMaxAttempts(attempts int) Option {
	return func(s *settings) { s.maxAttempts = attempts }
}

// WithDefaults gives metadata for all calls; what a call says wins, field by field. TenantID and Context must be empty: which tenant's
// data it is must be said each time.
func WithDefaults(defaults Metadata) Option {
	defaults.Attributes = maps.Clone(defaults.Attributes)
	return func(s *settings) { s.defaults = defaults }
}

func newSettings(options []Option) (settings, error) {
	s := settings{
		address:        os.Getenv("KEYSIDE_ADDRESS"),
		tokenFile:      os.Getenv("KEYSIDE_TOKEN_FILE"),
		timeout:        defaultTimeout,
		connectTimeout: defaultConnectTimeout,
		maxAttempts:    defaultMaxAttempts,
	}
	if s.address == "" {
		s.address = defaultAddress
	}
	for _, option := range options {
		option(&s)
	}
	if s.defaults.TenantID != "" || s.defaults.Context != nil {
		return s, errors.New("keyside: the tenant and the context have no defaults: each call must say them")
	}
	if _, err := s.defaults.over(Metadata{}); err != nil {
		return s, err
	}
	if s.timeout <= 0 || s.connectTimeout <= 0 {
		return s, errors.New("keyside: a timeout must be longer than nothing")
	}
	if s.maxAttempts < 1 {
		return s, errors.New("keyside: a call is made once at least")
	}
	return s, nil
}

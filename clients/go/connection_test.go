package keyside

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
)

// closedPort is an address at which nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func TestWhereNoDaemonListensTheCallEndsInUnavailable(t *testing.T) {
	noSocket := "unix://" + filepath.Join(t.TempDir(), "no.sock")
	refused := closedPort(t)
	for _, c := range []struct {
		address, says string
		errno         syscall.Errno
	}{
		{refused, "no daemon answers at " + refused + " (connection refused)", syscall.ECONNREFUSED},
		{noSocket, "no daemon answers at " + noSocket + " (there is no such socket)", syscall.ENOENT},
	} {
		client := clientOf(t, c.address, WithConnectTimeout(300*time.Millisecond))
		_, err := client.Encrypt(t.Context(), documentOf("a", "x"), acme)
		var e *Error
		if !errors.As(err, &e) || e.Reason != ErrUnavailable || e.Code != codes.Unavailable || !e.Retryable || e.Message != c.says {
			t.Errorf("ended in %v, want %s", err, c.says)
		}
		if !errors.Is(err, c.errno) {
			t.Errorf("%v does not say what lies beneath", err)
		}
		if _, err := client.EncryptStream(t.Context(), nil, acme); !errors.Is(err, ErrUnavailable) {
			t.Errorf("a stream ended in %v", err)
		}
		if serving, err := client.IsServing(t.Context()); serving || !errors.Is(err, ErrUnavailable) {
			t.Errorf("is serving: %t, %v", serving, err)
		}
	}
}

func TestADaemonThatIsStillStartingIsWaitedFor(t *testing.T) {
	address := closedPort(t)
	client := clientOf(t, address, WithConnectTimeout(30*time.Second), WithTimeout(30*time.Second))
	ended := make(chan error, 1)
	go func() {
		_, err := client.Encrypt(context.Background(), documentOf("a", "x"), acme)
		ended <- err
	}()
	for client.conn.target.lastFailure() == nil {
		time.Sleep(time.Millisecond)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(mirrorDaemon())
	go serve(server, listener)
	t.Cleanup(server.Stop)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestNoDaemonIsWaitedForBeyondTheDeadline(t *testing.T) {
	client := clientOf(t, closedPort(t), WithConnectTimeout(time.Hour))
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := client.Encrypt(ctx, documentOf("a", "x"), acme)
	if !errors.Is(err, ErrUnavailable) || !errors.Is(err, syscall.ECONNREFUSED) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ended in %v", err)
	}
}

func TestCancellingEndsTheWaitForADaemon(t *testing.T) {
	client := clientOf(t, closedPort(t), WithConnectTimeout(time.Hour))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for client.conn.target.lastFailure() == nil {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	if _, err := client.Encrypt(ctx, documentOf("a", "x"), acme); !errors.Is(err, ErrCancelled) || !errors.Is(err, context.Canceled) {
		t.Errorf("ended in %v", err)
	}
}

func TestADaemonThatCameBackIsFoundAgain(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	client := clientOf(t, address, WithConnectTimeout(30*time.Second), WithTimeout(30*time.Second))
	for range 3 {
		server := newServer(mirrorDaemon())
		go serve(server, listener)
		if _, err := client.Encrypt(t.Context(), documentOf("a", "x"), acme); err != nil {
			t.Fatal(err)
		}
		server.Stop()
		client.conn.channel.WaitForStateChange(t.Context(), connectivity.Ready)
		if listener, err = net.Listen("tcp", address); err != nil {
			t.Fatal(err)
		}
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAUnixSocketIsSpokenTo(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "keyside.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(mirrorDaemon())
	go serve(server, listener)
	t.Cleanup(server.Stop)
	client := clientOf(t, "unix://"+socket)
	if _, err := client.Encrypt(t.Context(), documentOf("a", "x"), acme); err != nil {
		t.Error(err)
	}
}

// authority issues certificates as files.
type authority struct {
	t      *testing.T
	folder string
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, folder: t.TempDir()}
	a.cert = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.issue("ca", a.cert)
	return a
}

func (a *authority) issue(name string, template *x509.Certificate) (certFile, keyFile string) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	if a.key == nil {
		a.key = key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	keyBytes, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(a.folder, name+".crt"), filepath.Join(a.folder, name+".key")
	write(a.t, certFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(a.t, keyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyBytes})))
	return certFile, keyFile
}

func (a *authority) leaf(name string) (certFile, keyFile string) {
	return a.issue(name, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
}

func mutualServer(t *testing.T, a *authority) grpc.ServerOption {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(a.leaf("localhost"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.parsed())
	config := &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: roots, ClientAuth: tls.RequireAndVerifyClientCert}
	return grpc.Creds(credentials.NewTLS(config))
}

func (a *authority) parsed() *x509.Certificate {
	content, err := os.ReadFile(filepath.Join(a.folder, "ca.crt"))
	if err != nil {
		a.t.Fatal(err)
	}
	block, _ := pem.Decode(content)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert
}

func TestMutualTLS(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	_, port, err := net.SplitHostPort(mirrorDaemon().start(t, mutualServer(t, ours)))
	if err != nil {
		t.Fatal(err)
	}
	cert, key := ours.leaf("client")
	strangeCert, strangeKey := theirs.leaf("client")
	ca := filepath.Join(ours.folder, "ca.crt")
	for _, c := range []struct {
		name, host, says string
		files            TLSFiles
	}{
		{"of one authority", "localhost", "", TLSFiles{CAFile: ca, CertFile: cert, KeyFile: key}},
		{"a name that the daemon has not", "127.0.0.1", "x509", TLSFiles{CAFile: ca, CertFile: cert, KeyFile: key}},
		{"a daemon of another authority", "localhost", "unknown authority",
			TLSFiles{CAFile: filepath.Join(theirs.folder, "ca.crt"), CertFile: cert, KeyFile: key}},
		{"a client of another authority", "localhost", "no daemon answers at localhost:",
			TLSFiles{CAFile: ca, CertFile: strangeCert, KeyFile: strangeKey}},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := clientOf(t, c.host+":"+port, WithTLS(c.files), WithConnectTimeout(time.Second))
			_, err := client.Encrypt(t.Context(), documentOf("a", "x"), acme)
			if c.says == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("ended in %v, want %q", err, c.says)
			}
		})
	}
}

func TestNoProxyOfTheEnvironmentSeesAnything(t *testing.T) {
	trap, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var seen atomic.Int32
	go func() {
		for {
			conn, err := trap.Accept()
			if err != nil {
				return
			}
			seen.Add(1)
			conn.Close()
		}
	}()
	for _, name := range []string{"HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy"} {
		t.Setenv(name, "http://"+trap.Addr().String())
	}
	ours := newAuthority(t)
	cert, key := ours.leaf("client")
	files := TLSFiles{CAFile: filepath.Join(ours.folder, "ca.crt"), CertFile: cert, KeyFile: key}
	client := clientOf(t, "keyside.invalid:7460", WithTLS(files), WithConnectTimeout(300*time.Millisecond))
	if _, err := client.Encrypt(t.Context(), documentOf("a", "x"), acme); !errors.Is(err, ErrUnavailable) {
		t.Errorf("ended in %v", err)
	}
	if err := trap.Close(); err != nil {
		t.Error(err)
	}
	if seen.Load() != 0 {
		t.Errorf("the proxy was connected to %d times", seen.Load())
	}
}

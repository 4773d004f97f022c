package keyside

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestInClearOnlyThisMachineIsSpokenTo(t *testing.T) {
	for _, c := range []struct{ address, network, dials, refusal string }{
		{address: "127.0.0.1:7460", network: "tcp", dials: "127.0.0.1:7460"},
		{address: "127.255.0.9:1", network: "tcp", dials: "127.255.0.9:1"},
		{address: "[::1]:7460", network: "tcp", dials: "[::1]:7460"},
		{address: "LocalHost:7460", network: "tcp", dials: "LocalHost:7460"},
		{address: "unix:///run/keyside.sock", network: "unix", dials: "/run/keyside.sock"},
		{address: "unix:/run/keyside.sock", network: "unix", dials: "/run/keyside.sock"},
		{address: "10.0.0.1:7460", refusal: "10.0.0.1 is not this machine"},
		{address: "0.0.0.0:7460", refusal: "0.0.0.0 is not this machine"},
		{address: "[::]:7460", refusal: "[::] is not this machine"},
		{address: "localhost.example.com:7460", refusal: "localhost.example.com is not this machine"},
		{address: "127.0.0.1.example.com:7460", refusal: "is not this machine"},
		{address: "keyside:7460", refusal: "keyside is not this machine"},
		{address: "0177.0.0.1:7460", refusal: "is not this machine"},
		{address: "127.0.0.1", refusal: "must be unix:///path or host:port"},
		{address: "127.0.0.1:", refusal: "must be unix:///path or host:port"},
		{address: "127.0.0.1:0", refusal: "0 is not a port"},
		{address: "127.0.0.1:65536", refusal: "65536 is not a port"},
		{address: "http://127.0.0.1:7460", refusal: "must be unix:///path or host:port"},
		{address: "dns:127.0.0.1:7460", refusal: "must be unix:///path or host:port"},
		{address: "user@127.0.0.1:7460", refusal: "is not this machine"},
		{address: "127.0.0.1:7460\n", refusal: "must be unix:///path or host:port"},
		{address: "unix:", refusal: "must be unix:///path or host:port"},
		{address: "unix:@abstract", refusal: "must be unix:///path or host:port"},
		{address: "[127.0.0.1]:7460", refusal: "is not this machine"},
		{address: "[::ffff:127.0.0.1]:7460", refusal: "is not this machine"},
		{address: "unix://host/path", refusal: "must be unix:///path or host:port"},
		{address: " ", refusal: "must be unix:///path or host:port"},
	} {
		t.Run(c.address, func(t *testing.T) {
			target, err := parseTarget(c.address, nil)
			if c.refusal != "" {
				if err == nil || !strings.Contains(err.Error(), c.refusal) {
					t.Errorf("refused with %v, want %q", err, c.refusal)
				}
				return
			}
			if err != nil || target.network != c.network || target.address != c.dials {
				t.Errorf("got %+v, %v", target, err)
			}
		})
	}
}

func TestANameThatLeadsToAnotherMachineIsNotConnectedTo(t *testing.T) {
	for address, allowed := range map[string]bool{"127.0.0.1:1": true, "[::1]:1": true, "192.0.2.1:1": false, "[2001:db8::1]:1": false} {
		if err := onlyThisMachine("tcp", netip.MustParseAddrPort(address).String(), nil); (err == nil) != allowed {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestFilesOfTLSAreReadWhenTheClientIsMade(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, address, refusal string
		files                  TLSFiles
	}{
		{"no authority", "keyside:7460", "no such file", TLSFiles{CAFile: empty + ".missing"}},
		{"an empty authority", "keyside:7460", "holds no certificate", TLSFiles{CAFile: empty}},
		{"for a Unix socket", "unix:///run/keyside.sock", "takes no TLS files", TLSFiles{CAFile: empty}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := New(WithAddress(c.address), WithTLS(c.files))
			if err == nil || !strings.Contains(err.Error(), c.refusal) {
				t.Errorf("refused with %v, want %q", err, c.refusal)
			}
		})
	}
}

func TestTheEnvironmentSaysWhereTheDaemonIsUnlessAnOptionDoes(t *testing.T) {
	for _, c := range []struct {
		name, variable string
		options        []Option
		want           string
	}{
		{"nothing said", "", nil, "127.0.0.1:7460"},
		{"the variable", "127.0.0.1:1", nil, "127.0.0.1:1"},
		{"the option", "127.0.0.1:1", []Option{WithAddress("127.0.0.1:2")}, "127.0.0.1:2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("KEYSIDE_ADDRESS", c.variable)
			t.Setenv("KEYSIDE_TOKEN_FILE", "/token")
			client, err := New(c.options...)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if client.conn.address != c.want || client.conn.tokenFile.path != "/token" {
				t.Errorf("got %s and %s", client.conn.address, client.conn.tokenFile.path)
			}
		})
	}
}

func TestOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	for name, option := range map[string]Option{
		"no timeout":         WithTimeout(0),
		"no connect timeout": WithConnectTimeout(0),
		"no attempt":         WithMaxAttempts(0),
		"a default tenant":   WithDefaults(Metadata{TenantID: "acme"}),
		"a default context":  WithDefaults(Metadata{Context: map[string]string{}}),
		"no UTF-8":           WithDefaults(Metadata{Purpose: "\xff"}),
	} {
		if _, err := New(WithAddress("127.0.0.1:1"), option); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

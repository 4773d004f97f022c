package main

import (
	"bytes"
	"context"
	"database/sql"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keyside.dev/client"
)

type app struct {
	t    *testing.T
	url  string
	file string
}

// startApp serves the application against the daemon of KEYSIDE_ADDRESS until the test ends.
func startApp(t *testing.T) app {
	t.Helper()
	if os.Getenv("KEYSIDE_INTEROP_PHASE") != "write" {
		t.Skip("needs a daemon: KEYSIDE_INTEROP_PHASE is not write")
	}
	client, err := keyside.New()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "contacts.db")
	contacts, err := openContacts(t.Context(), file, client)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, listener, handler(contacts)) }()
	t.Cleanup(func() {
		stop()
		for _, err := range []error{<-ended, contacts.close(), client.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	return app{t: t, url: "http://" + listener.Addr().String(), file: file}
}

func (a app) call(method, tenant, id, body string) (int, string) {
	a.t.Helper()
	request, err := http.NewRequestWithContext(a.t.Context(), method, a.url+"/contacts/"+id, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	request.Header.Set("X-Tenant-Id", tenant)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		a.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return response.StatusCode, strings.TrimSpace(string(answer))
}

func (a app) expect(method, tenant, id, body string, status int) string {
	a.t.Helper()
	got, answer := a.call(method, tenant, id, body)
	if got != status {
		a.t.Fatalf("%s %s of %s: %d %s, want %d", method, id, tenant, got, answer, status)
	}
	return answer
}

func (a app) execute(statement string) {
	a.t.Helper()
	db, err := sql.Open("sqlite", a.file)
	if err != nil {
		a.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(a.t.Context(), statement); err != nil {
		a.t.Fatal(err)
	}
}

const ada = `{"name":"Ada Lovelace","email":"ada@example.com"}`

func TestWhatIsStoredComesBackAndIsNowhereInTheDatabase(t *testing.T) {
	a := startApp(t)
	a.expect("PUT", "acme", "1", ada, http.StatusNoContent)
	if got := a.expect("GET", "acme", "1", "", http.StatusOK); got != ada {
		t.Errorf("came back as %s", got)
	}
	content, err := os.ReadFile(a.file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(content, []byte("acme")) {
		t.Error("the row is not in the file that was looked into")
	}
	for _, plaintext := range []string{"Ada", "Lovelace", "example.com"} {
		if bytes.Contains(content, []byte(plaintext)) {
			t.Errorf("%q stands in the database", plaintext)
		}
	}
}

func TestAnotherTenantCannotReadItNotEvenFromItsOwnRow(t *testing.T) {
	a := startApp(t)
	a.expect("PUT", "acme", "1", ada, http.StatusNoContent)
	a.expect("GET", "globex", "1", "", http.StatusNotFound)
	a.execute(`INSERT INTO contacts SELECT 'globex', id, edek, name, email FROM contacts`)
	if answer := a.expect("GET", "globex", "1", "", http.StatusInternalServerError); strings.Contains(answer, "Ada") {
		t.Errorf("answered %s", answer)
	}
}

func TestARowThatWasCopiedOverAnotherDoesNotOpen(t *testing.T) {
	a := startApp(t)
	a.expect("PUT", "acme", "1", ada, http.StatusNoContent)
	a.execute(`INSERT INTO contacts SELECT tenant, '2', edek, name, email FROM contacts`)
	a.expect("GET", "acme", "2", "", http.StatusInternalServerError)
}

func TestATenantThatDoesNotExistIsRefused(t *testing.T) {
	a := startApp(t)
	a.expect("PUT", "nobody", "1", ada, http.StatusBadRequest)
	a.expect("PUT", "", "1", ada, http.StatusUnauthorized)
}

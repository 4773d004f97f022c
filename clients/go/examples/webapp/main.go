// Command webapp keeps contacts in SQLite with their columns encrypted: what it stores is of use only while the tenant lets it use its
// key. PUT and GET /contacts/{id}, with the tenant in X-Tenant-Id, which whatever authenticates the request must set.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os/signal"
	"syscall"
	"time"

	"keyside.dev/client"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address to serve on")
	file := flag.String("db", "contacts.db", "file of the SQLite database")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen, *file); err != nil {
		log.Fatal(err)
	}
}

// run serves until the context ends.
func run(ctx context.Context, listen, file string) (err error) {
	client, err := keyside.New(keyside.WithDefaults(keyside.Metadata{RequesterID: "webapp", Purpose: "support", DataLabel: "pii"}))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	contacts, err := openContacts(ctx, file, client)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, contacts.close()) }()
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", listener.Addr())
	return serve(ctx, listener, handler(contacts))
}

func serve(ctx context.Context, listener net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return server.Shutdown(grace)
}

package keyside_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"strings"
	"time"

	"keyside.dev/client"
)

// newClient is keyside.New of a program that cannot go on without it.
func newClient() *keyside.Client {
	client, err := keyside.New()
	if err != nil {
		log.Fatal(err)
	}
	return client
}

func Example() {
	ctx := context.Background()
	client, err := keyside.New() // KEYSIDE_ADDRESS, or 127.0.0.1:7460
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	md := keyside.Metadata{TenantID: "acme", RequesterID: "user-17"}
	document := keyside.PlaintextDocument{Fields: map[string][]byte{"name": []byte("Ada Lovelace")}}
	encrypted, err := client.Encrypt(ctx, document, md)
	if err != nil {
		log.Fatal(err) // there is nothing to store
	}
	// Store encrypted.EDEK and encrypted.Fields.

	decrypted, err := client.Decrypt(ctx, encrypted, md)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", decrypted.Fields["name"])
	// Output: Ada Lovelace
}

func ExampleError() {
	client := newClient()
	defer client.Close()
	document := keyside.PlaintextDocument{Fields: map[string][]byte{"name": []byte("Ada")}}
	encrypted, err := client.Encrypt(context.Background(), document, keyside.Metadata{TenantID: "acme"})
	if err != nil {
		log.Fatal(err)
	}

	_, err = client.Decrypt(context.Background(), encrypted, keyside.Metadata{TenantID: "globex"})
	var failure *keyside.Error
	switch {
	case errors.Is(err, keyside.ErrKeyRevoked):
		fmt.Println("the tenant took its key away")
	case errors.As(err, &failure) && failure.Retryable:
		fmt.Println("again after", failure.RetryAfter)
	case err != nil:
		fmt.Println(failure.Reason, failure.Code)
	}
	// Output: CIPHERTEXT_REJECTED InvalidArgument
}

func ExampleClient_EncryptBatch() {
	client := newClient()
	defer client.Close()
	items := []keyside.Item[keyside.PlaintextDocument]{
		{ID: "1", Document: keyside.PlaintextDocument{Fields: map[string][]byte{"name": []byte("Ada")}}},
		{ID: "2", Document: keyside.PlaintextDocument{Fields: map[string][]byte{"name": []byte("Grace")}}},
	}
	results, err := client.EncryptBatch(context.Background(), items, keyside.Metadata{TenantID: "acme"})
	if err != nil {
		log.Fatal(err) // the request itself is at fault, or no daemon answers
	}
	for _, result := range results {
		fmt.Println(result.ID, result.Err)
	}
	// Output:
	// 1 <nil>
	// 2 <nil>
}

func ExampleClient_EncryptStream() {
	client := newClient()
	defer client.Close()
	md := keyside.Metadata{TenantID: "acme"}
	seal := func(ctx context.Context, dst io.Writer, src io.Reader) ([]byte, error) {
		w, err := client.EncryptStream(ctx, dst, md, keyside.Detached())
		if err != nil {
			return nil, err
		}
		defer w.Abort() // does nothing after Close
		if _, err := io.Copy(w, src); err != nil {
			return nil, err
		}
		return w.EDEK(), w.Close()
	}

	var body bytes.Buffer
	edek, err := seal(context.Background(), &body, strings.NewReader("an object of any size"))
	if err != nil {
		log.Fatal(err)
	}

	r, err := client.DecryptStream(context.Background(), &body, md, keyside.WithHeader(edek))
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	plaintext, err := io.ReadAll(r)
	if err != nil {
		log.Fatal(err) // what was read is not the object
	}
	fmt.Printf("%s\n", plaintext)
	// Output: an object of any size
}

func ExampleClient_DecryptRange() {
	client := newClient()
	defer client.Close()
	ctx, md := context.Background(), keyside.Metadata{TenantID: "acme"}
	const object = "an object of any size"
	var body bytes.Buffer
	w, err := client.EncryptStream(ctx, &body, md, keyside.Detached())
	if err != nil {
		log.Fatal(err)
	}
	if _, err := io.WriteString(w, object); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	r, err := client.DecryptRange(ctx, keyside.RangeInput{
		EDEK: w.EDEK(), Offset: 3, Length: 6, ObjectSize: int64(len(object)), Body: bytes.NewReader(body.Bytes()),
	}, md)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	part, err := io.ReadAll(r)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", part)
	// Output: object
}

func ExampleNew() {
	client, err := keyside.New(
		keyside.WithAddress("unix:///run/keyside/keyside.sock"),
		keyside.WithTimeout(2*time.Second),
		keyside.WithDefaults(keyside.Metadata{Purpose: "support", DataLabel: "pii"}),
	)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
}

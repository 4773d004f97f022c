package main

import (
	"encoding/json"
	"errors"
	"log"
	"math"
	"net/http"
	"strconv"

	"keyside.dev/client"
)

const maxBodyBytes = 64 << 10

// handler answers PUT and GET /contacts/{id}.
func handler(c *contacts) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /contacts/{id}", func(w http.ResponseWriter, r *http.Request) {
		var contact Contact
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBodyBytes)).Decode(&contact); err != nil {
			http.Error(w, "the body is no contact", http.StatusBadRequest)
			return
		}
		if err := c.save(r.Context(), tenantOf(r), r.PathValue("id"), contact); err != nil {
			refuse(w, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /contacts/{id}", func(w http.ResponseWriter, r *http.Request) {
		contact, err := c.load(r.Context(), tenantOf(r), r.PathValue("id"))
		if err != nil {
			refuse(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(contact); err != nil {
			log.Printf("answer: %v", err)
		}
	})
	return needTenant(mux)
}

// tenantOf trusts the header: the gateway that authenticates the request must set it, and never let a caller's own through.
func tenantOf(r *http.Request) string { return r.Header.Get("X-Tenant-Id") }

func needTenant(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tenantOf(r) == "" {
			http.Error(w, "whose data it is was not said", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// refuse says no more than the caller may know; the log says why.
func refuse(w http.ResponseWriter, err error) {
	var failure *keyside.Error
	switch {
	case errors.Is(err, errNoContact):
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	case errors.Is(err, keyside.ErrTenantUnknown), errors.Is(err, keyside.ErrRequestInvalid):
		http.Error(w, "the request is refused", http.StatusBadRequest)
	case errors.Is(err, keyside.ErrKeyRevoked), errors.Is(err, keyside.ErrKeyAccessDenied):
		http.Error(w, "your organisation's key cannot be used", http.StatusForbidden)
	case errors.As(err, &failure) && failure.Retryable:
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(max(1, failure.RetryAfter.Seconds())))))
		http.Error(w, "try again later", http.StatusServiceUnavailable)
	default:
		http.Error(w, "it failed", http.StatusInternalServerError)
	}
	log.Printf("refused: %v", err)
}

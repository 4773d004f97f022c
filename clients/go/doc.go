// Package keyside speaks to a Keyside daemon, which encrypts a tenant's data under keys that the tenant's own KMS or HSM holds.
//
// Make one [Client] for the life of the process with [New]; it is safe for concurrent use. It finds the daemon by KEYSIDE_ADDRESS, and
// its bearer token in the file that KEYSIDE_TOKEN_FILE names; [WithAddress] and [WithTokenFile] win over both.
//
// # Time
//
// A call's deadline is that of its context; a context without one is given [WithTimeout], 10 seconds by default. A daemon that is still
// starting is waited for, at most [WithConnectTimeout] and never beyond the deadline. Streams have no deadline but their context's: there
// [WithTimeout] is the longest wait for the daemon while it is its turn.
//
// # Errors
//
// What fails on the way to the daemon or there is an [*Error]. Decide by its reason:
//
//	switch {
//	case errors.Is(err, keyside.ErrKeyRevoked): // the tenant took its key away
//	case errors.Is(err, keyside.ErrUnavailable): // no daemon answers
//	}
//
// A call is tried again only where the daemon says after how long ([Error.RetryAfter]), at most four times in all and never beyond its
// deadline. There is no fallback: what cannot be encrypted is not returned, not sent and not stored.
//
// # Traces
//
// Where the context carries a span of OpenTelemetry, its W3C trace context goes along; baggage and gRPC metadata of the caller do not.
package keyside

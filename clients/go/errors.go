package keyside

import (
	"context"
	"slices"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// errorDomain is the google.rpc.ErrorInfo.domain of what a daemon says.
const errorDomain = "keyside.dev"

// Error says why a call failed, as errors.As finds it. Its text is "REASON: sentence"; decide by Reason, sentences change.
// It never holds plaintext, key bytes, tokens or values of a context.
type Error struct {
	// Reason is one of the Err constants, or the gRPC code's name where no daemon gave a reason.
	Reason Reason
	// Code is the gRPC code.
	Code codes.Code
	// Message is a sentence for people.
	Message string
	// Retryable tells that the same call may succeed later.
	Retryable bool
	// RetryAfter is how long the daemon asks to wait before that; 0 where it did not say.
	RetryAfter time.Duration
	// TenantID is the tenant's id where the daemon named it.
	TenantID string
	// KeyID is the key configuration's id where the daemon named it.
	KeyID string
	// Details are all facts that the daemon gave, e.g. "limitBytes"; nil where it gave none.
	Details map[string]string

	answer *status.Status
	causes []error
}

// Error returns "REASON: sentence".
func (e *Error) Error() string {
	if e.Message == "" {
		return string(e.Reason)
	}
	return string(e.Reason) + ": " + e.Message
}

// Is reports whether target is the error's reason. DEADLINE_EXCEEDED is context.DeadlineExceeded too, whoever noticed it first.
func (e *Error) Is(target error) bool {
	if target == context.DeadlineExceeded {
		return e.Reason == ErrDeadlineExceeded
	}
	reason, ok := target.(Reason)
	return ok && reason == e.Reason
}

// Unwrap returns what lies beneath, where something does: an error of the operating system, of the context, of the file system.
func (e *Error) Unwrap() []error { return e.causes }

// GRPCStatus returns the daemon's status with its details, or one made of Code and the error's text. With it, status.FromError and
// status.Code understand the error, and a gRPC server that returns it hands the reason on.
func (e *Error) GRPCStatus() *status.Status {
	if e.answer != nil {
		return e.answer
	}
	return status.New(e.Code, e.Error())
}

// newError makes an error that no daemon gave. Causes that are nil are left away.
func newError(reason Reason, code codes.Code, message string, causes ...error) *Error {
	causes = slices.DeleteFunc(causes, func(cause error) bool { return cause == nil })
	return &Error{
		Reason:    reason,
		Code:      code,
		Message:   message,
		Retryable: code == codes.Unavailable || code == codes.DeadlineExceeded,
		causes:    causes,
	}
}

// invalidRequest is a request that is refused before anything is sent.
func invalidRequest(message string) *Error {
	return newError(ErrRequestInvalid, codes.InvalidArgument, message)
}

// unexpectedOrder is what a daemon of another kind is answered with.
func unexpectedOrder() *Error {
	return newError(ErrInternal, codes.Internal, "the daemon did not keep to the order of a stream")
}

// fromStatus reads what a daemon answered. Second result: whether the daemon gave a reason; else a proxy or the transport spoke.
func fromStatus(answer *status.Status) (*Error, bool) {
	e := newError(codeName(answer.Code()), answer.Code(), answer.Message())
	var info *errdetails.ErrorInfo
	var retry *errdetails.RetryInfo
	for _, detail := range answer.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			if detail.GetDomain() == errorDomain {
				info = detail
			}
		case *errdetails.RetryInfo:
			retry = detail
		}
	}
	if info == nil {
		return e, false
	}
	e.answer = answer
	e.Reason, e.Details = Reason(info.GetReason()), info.GetMetadata()
	e.Message = strings.TrimPrefix(e.Message, string(e.Reason)+": ")
	e.TenantID, e.KeyID = e.Details["tenantId"], e.Details["keyId"]
	e.Retryable, e.RetryAfter = retry.GetRetryDelay() != nil, max(0, retry.GetRetryDelay().AsDuration())
	return e, true
}

// codeName is a gRPC code's name as its specification spells it, such as PERMISSION_DENIED.
func codeName(c codes.Code) Reason {
	if name, ok := code.Code_name[int32(c)]; ok {
		return Reason(name)
	}
	return Reason(code.Code_UNKNOWN.String())
}

package keyside

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"unicode/utf8"

	pb "keyside.dev/client/internal/gen/keyside/v1"
)

// Metadata says for whom a call is made and on whose behalf. All but Context is recorded in clear: never put a secret there. An empty
// field is not said: the client's default stands in, see [WithDefaults].
type Metadata struct {
	// TenantID is required: 1 to 128 characters of [A-Za-z0-9._:@-]. There is no default.
	TenantID string
	// Context is bound to the ciphertext and not stored: to decrypt or rewrap, give the same pairs again. At most 64 pairs and 8 KiB.
	// There is no default. It stands in for items of a batch that bring none. Not shown where the metadata is printed or logged.
	Context map[string]string
	// RequesterID is the person or service that asks.
	RequesterID string
	// DataLabel is the classification of the data, e.g. "pii"; stored in clear with what is encrypted and bound to it.
	DataLabel string
	// Purpose is why the data is used; a tenant's policy may allow certain purposes only.
	Purpose string
	// RequestID is an id to find this request again in the daemon's log.
	RequestID string
	// SourceIP is the address from which the requester came.
	SourceIP string
	// ObjectID is the application's id of the document.
	ObjectID string
	// SubjectID is the person the data is about.
	SubjectID string
	// Attributes are recorded; at most 32. Those of the call are put together with the client's by name.
	Attributes map[string]string
}

// Format prints what is recorded anyway, and of the context the names alone.
func (md Metadata) Format(state fmt.State, _ rune) {
	type plain Metadata // without this method
	shown := plain(md)
	shown.Context = nil
	// An error of a fmt.State is its owner's to see.
	_, _ = fmt.Fprintf(state, "%+v with context %q", shown, slices.Sorted(maps.Keys(md.Context)))
}

// LogValue gives slog the same.
func (md Metadata) LogValue() slog.Value {
	return slog.StringValue(fmt.Sprint(md))
}

// about is what every request about a tenant's data says besides the data.
type about struct {
	tenantID string
	metadata *pb.RequestMetadata
	context  map[string]string
}

// over puts a call's metadata over the client's defaults and checks the texts.
func (md Metadata) over(defaults Metadata) (about, error) {
	or := func(said, byDefault string) string {
		if said != "" {
			return said
		}
		return byDefault
	}
	merged := &pb.RequestMetadata{
		RequesterId: or(md.RequesterID, defaults.RequesterID),
		DataLabel:   or(md.DataLabel, defaults.DataLabel),
		RequestId:   or(md.RequestID, defaults.RequestID),
		SourceIp:    or(md.SourceIP, defaults.SourceIP),
		ObjectId:    or(md.ObjectID, defaults.ObjectID),
		Purpose:     or(md.Purpose, defaults.Purpose),
		SubjectId:   or(md.SubjectID, defaults.SubjectID),
		Attributes:  md.Attributes,
	}
	if len(defaults.Attributes) > 0 {
		merged.Attributes = maps.Clone(defaults.Attributes)
		maps.Copy(merged.Attributes, md.Attributes)
	}
	if err := checkMetadata(md.TenantID, merged); err != nil {
		return about{}, err
	}
	if err := checkPairs("context", md.Context); err != nil {
		return about{}, err
	}
	return about{tenantID: md.TenantID, metadata: merged, context: md.Context}, nil
}

// contextOf is what an item of a batch is bound to: what it brings, else what the metadata has for all.
func (a about) contextOf(own map[string]string) map[string]string {
	if own != nil {
		return own
	}
	return a.context
}

func checkMetadata(tenantID string, md *pb.RequestMetadata) error {
	return firstError(
		checkText("TenantID", tenantID),
		checkText("RequesterID", md.GetRequesterId()),
		checkText("DataLabel", md.GetDataLabel()),
		checkText("RequestID", md.GetRequestId()),
		checkText("SourceIP", md.GetSourceIp()),
		checkText("ObjectID", md.GetObjectId()),
		checkText("Purpose", md.GetPurpose()),
		checkText("SubjectID", md.GetSubjectId()),
		checkPairs("attributes", md.GetAttributes()),
	)
}

func checkPairs(what string, pairs map[string]string) error {
	for name, value := range pairs {
		if err := firstError(checkText("a name of "+what, name), checkText("a value of "+what, value)); err != nil {
			return err
		}
	}
	return nil
}

func checkNames(fields map[string][]byte) error {
	for name := range fields {
		if err := checkText("the name of a field", name); err != nil {
			return err
		}
	}
	return nil
}

// checkText refuses what is not UTF-8: a wire of texts cannot carry it, and what stood in its place could make two texts one. The text
// itself is not shown: it may be a value of a context.
func checkText(what, text string) error {
	if !utf8.ValidString(text) {
		return invalidRequest(fmt.Sprintf("%s is not valid UTF-8", what))
	}
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

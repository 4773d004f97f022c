package keyside

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"time"
)

// fails makes the call of a scenario and compares the error that it must end in.
func (s suite) fails(ctx context.Context, scenario errorScenario, made written) error {
	if scenario.DeadlineMs > 0 {
		bounded, cancel := context.WithTimeout(ctx, time.Duration(scenario.DeadlineMs)*time.Millisecond)
		defer cancel()
		ctx = bounded
	}
	client := s.client
	if scenario.Token != nil {
		own, err := New(WithTokenFile(filepath.Join(s.tokens, *scenario.Token)))
		if err != nil {
			return err
		}
		defer own.Close()
		client = own
	}
	failure, err := s.call(ctx, client, scenario, made)
	if err != nil {
		return err
	}
	return sameError(failure, scenario)
}

// call returns what the call ended in, and an error where it could not be made.
func (s suite) call(ctx context.Context, client *Client, scenario errorScenario, made written) (failure, err error) {
	document, md, err := s.documentOf(scenario, made)
	if err != nil {
		return nil, err
	}
	switch scenario.Call {
	case "encrypt":
		fields := map[string][]byte{"a": []byte("x")}
		if scenario.Fields != nil {
			fields = bytesOf(scenario.Fields)
		}
		_, failure = client.Encrypt(ctx, PlaintextDocument{Fields: fields}, md)
	case "decrypt":
		_, failure = client.Decrypt(ctx, document, md)
	case "rewrap":
		_, failure = client.Rewrap(ctx, document.EDEK, md)
	case "logSecurityEvent":
		_, failure = client.LogSecurityEvent(ctx, SecurityEvent{Event: scenario.Event}, md)
	case "checkKey":
		var check KeyCheck
		check, failure = client.CheckKey(ctx, KeyReference{TenantID: md.TenantID})
		if failure == nil {
			failure = check.Err
		}
		if check.Usable {
			failure = errors.New("the key is usable")
		}
	default:
		return nil, fmt.Errorf("the call %q is not known here", scenario.Call)
	}
	return failure, nil
}

// documentOf is what the call is made with: changed, and with metadata that the scenario replaces.
func (s suite) documentOf(scenario errorScenario, made written) (EncryptedDocument, Metadata, error) {
	var of documentScenario
	for _, document := range s.Documents {
		if document.ID == scenario.Document {
			of = document
		}
	}
	md, err := of.Metadata.replaced(scenario.Metadata)
	encrypted := made.Documents[scenario.Document].encrypted()
	encrypted.Fields = maps.Clone(encrypted.Fields)
	switch change := scenario.Change; {
	case change.EDEK != nil:
		encrypted.EDEK = *change.EDEK
	case change.Flip == "edek":
		encrypted.EDEK = flipped(encrypted.EDEK)
	case change.Flip != "":
		encrypted.Fields[change.Flip] = flipped(encrypted.Fields[change.Flip])
	}
	return encrypted, md, err
}

func flipped(original []byte) []byte {
	changed := bytes.Clone(original)
	changed[len(changed)-1] ^= 1
	return changed
}

func sameError(failure error, want errorScenario) error {
	var got *Error
	if !errors.As(failure, &got) {
		return fmt.Errorf("ended in %v, expected %s", failure, want.Reason)
	}
	if !errors.Is(failure, Reason(want.Reason)) || string(codeName(got.Code)) != want.Code || got.Retryable != want.Retryable {
		return fmt.Errorf("ended in %w, %s, retryable: %t; expected %s, %s, %t",
			failure, codeName(got.Code), got.Retryable, want.Reason, want.Code, want.Retryable)
	}
	if want.TenantID != nil && got.TenantID != *want.TenantID || want.KeyID != nil && got.KeyID != *want.KeyID {
		return fmt.Errorf("%w names tenant %q and key %q", failure, got.TenantID, got.KeyID)
	}
	return nil
}

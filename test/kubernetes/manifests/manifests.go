// Package manifests reads what Keyside's chart renders, as an API server that refuses unknown fields does.
package manifests

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8sruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
)

// Found is what the tests ask about.
type Found struct {
	Policies []*admissionv1.ValidatingAdmissionPolicy
	Bindings []*admissionv1.ValidatingAdmissionPolicyBinding
	Webhook  *admissionv1.MutatingWebhookConfiguration
	Secret   *corev1.Secret
	Lease    *coordinationv1.Lease
	// Written holds Webhook, Secret and Lease as they stand in the file, in JSON and without defaults.
	Written map[string][]byte
}

// Read takes the base of deploy/kustomize, which a test holds against the chart, or the file that KEYSIDE_MANIFESTS names.
func Read(t *testing.T) Found {
	t.Helper()
	path := os.Getenv("KEYSIDE_MANIFESTS")
	if path == "" {
		_, here, _, _ := runtime.Caller(0)
		path = filepath.Join(filepath.Dir(here), "../../../deploy/kustomize/base/keyside.yaml")
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found := Found{Written: map[string][]byte{}}
	decoder := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(content)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		written, err := yaml.ToJSON(document)
		if err != nil {
			t.Fatal(err)
		}
		if string(written) == "null" {
			continue
		}
		object, kind, err := decoder.Decode(document, nil, nil)
		if err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		found.take(object)
		found.Written[kind.Kind] = written
	}
	if len(found.Policies) != 2 || len(found.Bindings) != 2 || found.Webhook == nil || found.Secret == nil || found.Lease == nil {
		t.Fatalf("%s has not all of policies, bindings, webhook, Secret and Lease", path)
	}
	return found
}

func (f *Found) take(object k8sruntime.Object) {
	switch typed := object.(type) {
	case *admissionv1.ValidatingAdmissionPolicy:
		setDefaults(typed.Spec.MatchConstraints)
		f.Policies = append(f.Policies, typed)
	case *admissionv1.ValidatingAdmissionPolicyBinding:
		f.Bindings = append(f.Bindings, typed)
	case *admissionv1.MutatingWebhookConfiguration:
		f.Webhook = typed
	case *corev1.Secret:
		f.Secret = typed
	case *coordinationv1.Lease:
		f.Lease = typed
	}
}

// As the API server does before it stores a policy.
func setDefaults(match *admissionv1.MatchResources) {
	equivalent := admissionv1.Equivalent
	if match.NamespaceSelector == nil {
		match.NamespaceSelector = &metav1.LabelSelector{}
	}
	if match.ObjectSelector == nil {
		match.ObjectSelector = &metav1.LabelSelector{}
	}
	if match.MatchPolicy == nil {
		match.MatchPolicy = &equivalent
	}
}

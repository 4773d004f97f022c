// Package upgrade shows that neither Helm nor kubectl takes away what the injector wrote into the chart's objects.
package upgrade

import (
	"bytes"
	"encoding/json"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes/fake"

	"keyside.dev/test/kubernetes/manifests"
)

var (
	certificate = []byte("certificate")
	bundle      = []byte("bundle")
	holder      = "injector-0"
)

// What the next version of the chart says of the same object.
func nextVersion(t *testing.T, written []byte) []byte {
	t.Helper()
	next := bytes.ReplaceAll(written, []byte(`"app.kubernetes.io/version":"0.1.0"`), []byte(`"app.kubernetes.io/version":"9.9.9"`))
	if bytes.Equal(next, written) {
		t.Fatal("the object has no version to change")
	}
	return next
}

// A three-way merge, as `helm upgrade` does it without server-side apply, and `kubectl apply` too.
func merged[T any](t *testing.T, written []byte, live T) T {
	t.Helper()
	var kind T
	current, err := json.Marshal(live)
	if err != nil {
		t.Fatal(err)
	}
	meta, err := strategicpatch.NewPatchMetaFromStruct(kind)
	if err != nil {
		t.Fatal(err)
	}
	patch, err := strategicpatch.CreateThreeWayMergePatch(written, nextVersion(t, written), current, meta, true)
	if err != nil {
		t.Fatal(err)
	}
	after, err := strategicpatch.StrategicMergePatch(current, patch, kind)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(after, &kind); err != nil {
		t.Fatal(err)
	}
	return kind
}

func TestThreeWayMergeKeepsWhatTheInjectorWrote(t *testing.T) {
	found := manifests.Read(t)
	found.Secret.Data = map[string][]byte{"tls.crt": certificate}
	secret := merged(t, found.Written["Secret"], *found.Secret)
	found.Lease.Spec.HolderIdentity = &holder
	lease := merged(t, found.Written["Lease"], *found.Lease)
	found.Webhook.Webhooks[0].ClientConfig.CABundle = bundle
	webhook := merged(t, found.Written["MutatingWebhookConfiguration"], *found.Webhook)
	expectKept(t, &secret, &lease, &webhook)
}

func TestServerSideApplyKeepsWhatTheInjectorWrote(t *testing.T) {
	found := manifests.Read(t)
	ctx, client := t.Context(), fake.NewClientset()
	secrets := client.CoreV1().Secrets(found.Secret.Namespace)
	leases := client.CoordinationV1().Leases(found.Lease.Namespace)
	webhooks := client.AdmissionregistrationV1().MutatingWebhookConfigurations()
	// Without force, as Helm does it: a field that both write would be a conflict.
	helm := metav1.PatchOptions{FieldManager: "helm"}
	apply := func(change func([]byte) []byte) (*corev1.Secret, *coordinationv1.Lease, *admissionv1.MutatingWebhookConfiguration) {
		secret, err := secrets.Patch(ctx, found.Secret.Name, types.ApplyPatchType, change(found.Written["Secret"]), helm)
		if err != nil {
			t.Fatal(err)
		}
		lease, err := leases.Patch(ctx, found.Lease.Name, types.ApplyPatchType, change(found.Written["Lease"]), helm)
		if err != nil {
			t.Fatal(err)
		}
		webhook, err := webhooks.Patch(
			ctx, found.Webhook.Name, types.ApplyPatchType, change(found.Written["MutatingWebhookConfiguration"]), helm)
		if err != nil {
			t.Fatal(err)
		}
		return secret, lease, webhook
	}

	secret, lease, webhook := apply(func(written []byte) []byte { return written })
	injector := metav1.UpdateOptions{FieldManager: "injector"}
	secret.Data = map[string][]byte{"tls.crt": certificate}
	if _, err := secrets.Update(ctx, secret, injector); err != nil {
		t.Fatal(err)
	}
	lease.Spec.HolderIdentity = &holder
	if _, err := leases.Update(ctx, lease, injector); err != nil {
		t.Fatal(err)
	}
	webhook.Webhooks[0].ClientConfig.CABundle = bundle
	if _, err := webhooks.Update(ctx, webhook, injector); err != nil {
		t.Fatal(err)
	}
	secret, lease, webhook = apply(func(written []byte) []byte { return nextVersion(t, written) })
	expectKept(t, secret, lease, webhook)
}

func expectKept(t *testing.T, secret *corev1.Secret, lease *coordinationv1.Lease, webhook *admissionv1.MutatingWebhookConfiguration) {
	t.Helper()
	for _, labels := range []map[string]string{secret.Labels, lease.Labels, webhook.Labels} {
		if labels["app.kubernetes.io/version"] != "9.9.9" {
			t.Errorf("it was not upgraded: %v", labels)
		}
	}
	if !bytes.Equal(secret.Data["tls.crt"], certificate) {
		t.Errorf("the Secret lost what the injector wrote: %v", secret.Data)
	}
	if lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity != holder {
		t.Errorf("the Lease lost its holder")
	}
	if !bytes.Equal(webhook.Webhooks[0].ClientConfig.CABundle, bundle) {
		t.Errorf("the webhook lost its caBundle")
	}
}

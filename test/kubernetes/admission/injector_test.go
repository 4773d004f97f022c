// Package admission tries the injector behind the code that asks webhooks in the Kubernetes API server: TLS, caBundle, match conditions,
// time limits and patches are the API server's own.
package admission

import (
	"encoding/json"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	admissionregistration "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// What the test is told by whoever started the injector.
const (
	// Where it listens, host:port.
	addressVariable = "KEYSIDE_INJECTOR_ADDRESS"
	// File of the authorities that its certificate is of, PEM.
	caVariable = "KEYSIDE_INJECTOR_CA"
	// File of the MutatingWebhookConfiguration, YAML.
	webhookVariable = "KEYSIDE_INJECTOR_WEBHOOK"
)

const sidecarName = "keyside"

type verdict int

const (
	injected verdict = iota
	// untouched is a pod that the injector was not asked about, or has nothing to do with.
	untouched
	// leftAlone is a pod without the sidecar, and with the reason in an annotation and a warning.
	leftAlone
	refused
)

var cases = []struct {
	file    string
	verdict verdict
	// says is a part of the error where it is refused, else of a warning; empty: there is no warning.
	says string
}{
	{"deployment", injected, ""},
	{"statefulset-two-callers", injected, ""},
	{"daemonset-with-user", injected, ""},
	{"job", injected, ""},
	{"init-containers", injected, ""},
	{"existing-volumes", injected, ""},
	{"istio", injected, "excludeInboundPorts"},
	{"istio-cni", injected, ""},
	{"linkerd", injected, ""},
	{"short-grace", injected, "terminationGracePeriodSeconds"},
	{"cloud-identities", injected, ""},
	{"long-names", injected, ""},
	{"shared-processes", injected, "shareProcessNamespace"},
	{"host-pid", injected, "hostPID"},
	{"own-address", injected, "KEYSIDE_ADDRESS"},
	{"windows", leftAlone, "Windows"},
	{"not-asked", untouched, ""},
	{"asked-not-to", untouched, ""},
	{"kube-system", untouched, ""},
	{"wrong-quantity", refused, "keyside.dev/memory-limit"},
	{"wrong-value", refused, "keyside.dev/inject"},
	{"unknown-annotation", refused, "keyside.dev/tenant"},
	{"no-such-container", refused, "backend"},
	{"several-containers", refused, "keyside.dev/containers"},
	{"name-taken", refused, sidecarName},
	{"host-network", refused, "hostNetwork"},
}

func TestPods(t *testing.T) {
	server := newAPIServer(t, webhookConfiguration(t), injectorAddress(t))
	for _, test := range cases {
		t.Run(test.file, func(t *testing.T) {
			pod := readPod(t, test.file)
			result := server.create(pod)
			t.Logf("answered after %v", result.took)
			if test.verdict == refused {
				if result.err == nil || !strings.Contains(result.err.Error(), test.says) {
					t.Fatalf("not refused with %q: %v", test.says, result.err)
				}
				return
			}
			if result.err != nil {
				t.Fatal(result.err)
			}
			warned := strings.Join(result.warnings, "\n")
			if (test.says == "") != (warned == "") || !strings.Contains(warned, test.says) {
				t.Errorf("warned with %q, not of %q", warned, test.says)
			}
			switch test.verdict {
			case injected:
				checkInjected(t, pod, result.pod)
				again := server.create(result.pod)
				if again.err != nil || !equality.Semantic.DeepEqual(again.pod.Spec, result.pod.Spec) {
					t.Errorf("a second injection changed it: %v", again.err)
				}
			case leftAlone:
				if status := result.pod.Annotations["keyside.dev/status"]; !strings.Contains(status, test.says) {
					t.Errorf("status is %q", status)
				}
				fallthrough
			default:
				if !equality.Semantic.DeepEqual(pod.Spec, result.pod.Spec) {
					t.Error("the pod was changed")
				}
			}
		})
	}
}

func checkInjected(t *testing.T, before, after *corev1.Pod) {
	t.Helper()
	if len(after.Spec.InitContainers) != len(before.Spec.InitContainers)+1 || len(after.Spec.Containers) != len(before.Spec.Containers) {
		t.Fatalf("%d init containers and %d containers", len(after.Spec.InitContainers), len(after.Spec.Containers))
	}
	sidecar := after.Spec.InitContainers[0]
	if sidecar.Name != sidecarName || ptr.Deref(sidecar.RestartPolicy, "") != corev1.ContainerRestartPolicyAlways || sidecar.StartupProbe == nil {
		t.Errorf("no native sidecar comes first: %+v", sidecar)
	}
	security := ptr.Deref(sidecar.SecurityContext, corev1.SecurityContext{})
	if !ptr.Deref(security.RunAsNonRoot, false) || !ptr.Deref(security.ReadOnlyRootFilesystem, false) || ptr.Deref(security.AllowPrivilegeEscalation, true) {
		t.Errorf("the sidecar has more rights than it needs: %+v", security)
	}
	if before.Spec.SecurityContext == nil || before.Spec.SecurityContext.FSGroup == nil {
		if after.Spec.SecurityContext == nil || after.Spec.SecurityContext.FSGroup == nil {
			t.Error("the pod has no fsGroup")
		}
	} else if *after.Spec.SecurityContext.FSGroup != *before.Spec.SecurityContext.FSGroup {
		t.Error("the pod's fsGroup was changed")
	}
	if callers := callersOf(after); len(callers) == 0 {
		t.Error("no container has the socket and a token")
	}
	text, err := json.Marshal(after)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "Bearer") {
		t.Error("a token stands in the pod")
	}
}

// callersOf names the containers that have the socket, and checks that each has a token of its own.
func callersOf(pod *corev1.Pod) []string {
	var names []string
	volumes := map[string]bool{}
	containers := append(append([]corev1.Container{}, pod.Spec.InitContainers...), pod.Spec.Containers...)
	for _, container := range containers {
		hasSocket := false
		token := ""
		for _, mount := range container.VolumeMounts {
			hasSocket = hasSocket || mount.MountPath == "/run/keyside"
			if mount.MountPath == "/run/keyside-token" {
				token = mount.Name
			}
		}
		if container.Name != sidecarName && hasSocket && token != "" && !volumes[token] {
			volumes[token] = true
			names = append(names, container.Name)
		}
	}
	return names
}

func TestOnlyNamedContainersCall(t *testing.T) {
	server := newAPIServer(t, webhookConfiguration(t), injectorAddress(t))
	for file, want := range map[string]string{
		"deployment":              "app",
		"statefulset-two-callers": "app worker",
		"istio":                   "app",
		"istio-cni":               "app",
		"init-containers":         "migrate app",
	} {
		result := server.create(readPod(t, file))
		if result.err != nil {
			t.Fatal(result.err)
		}
		if got := strings.Join(callersOf(result.pod), " "); got != want {
			t.Errorf("%s: %q call, not %q", file, got, want)
		}
	}
}

// A plugin reads the annotation when it makes the pod's network, before the sidecar or the proxy starts.
func TestPortOfProbesIsKeptOutOfIstioWhereItsPluginRedirects(t *testing.T) {
	server := newAPIServer(t, webhookConfiguration(t), injectorAddress(t))
	result := server.create(readPod(t, "istio-cni"))
	if result.err != nil {
		t.Fatal(result.err)
	}
	if ports := result.pod.Annotations["traffic.sidecar.istio.io/excludeInboundPorts"]; ports != "15020,7461" {
		t.Errorf("excluded are %q", ports)
	}
}

func TestCertificateOfAnotherAuthorityIsNotTrusted(t *testing.T) {
	configuration := webhookConfiguration(t)
	configuration.Webhooks[0].ClientConfig.CABundle = otherAuthority
	result := newAPIServer(t, configuration, injectorAddress(t)).create(readPod(t, "deployment"))
	if result.err != nil || len(result.pod.Spec.InitContainers) != 0 {
		t.Errorf("the pod did not go on without the sidecar, as failurePolicy Ignore has it: %v", result.err)
	}
}

func TestInjectorThatHangsHoldsAPodUpForTheTimeoutOnly(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	asked := make(chan struct{}, 1)
	go func() {
		for {
			connection, err := silent.Accept()
			if err != nil {
				return
			}
			// Held open, and never answered.
			defer connection.Close()
			select {
			case asked <- struct{}{}:
			default:
			}
		}
	}()
	configuration := webhookConfiguration(t)
	configuration.Webhooks[0].TimeoutSeconds = ptr.To[int32](1)
	address := &url.URL{Scheme: "https", Host: silent.Addr().String()}
	done := make(chan admitted, 1)
	server, pod := newAPIServer(t, configuration, address), readPod(t, "deployment")
	go func() { done <- server.create(pod) }()
	select {
	case <-asked:
	case <-time.After(20 * time.Second):
		t.Fatal("nobody asked")
	}
	select {
	case result := <-done:
		if result.err != nil || len(result.pod.Spec.InitContainers) != 0 {
			t.Errorf("the pod did not go on without the sidecar, as failurePolicy Ignore has it: %v", result.err)
		}
	case <-time.After(20 * time.Second):
		t.Error("the pod is held up")
	}
}

func webhookConfiguration(t *testing.T) *admissionregistration.MutatingWebhookConfiguration {
	t.Helper()
	var configuration admissionregistration.MutatingWebhookConfiguration
	if err := readYAML(variable(t, webhookVariable), &configuration); err != nil {
		t.Fatal(err)
	}
	bundle, err := os.ReadFile(variable(t, caVariable))
	if err != nil {
		t.Fatal(err)
	}
	for at := range configuration.Webhooks {
		configuration.Webhooks[at].ClientConfig.CABundle = bundle
		// What the API server fills in when the configuration is created.
		if configuration.Webhooks[at].ObjectSelector == nil {
			configuration.Webhooks[at].ObjectSelector = &metav1.LabelSelector{}
		}
	}
	return &configuration
}

func injectorAddress(t *testing.T) *url.URL {
	t.Helper()
	return &url.URL{Scheme: "https", Host: variable(t, addressVariable)}
}

func variable(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Skipf("%s is not set: test/counterparts/admission.test.ts starts the injector and sets it", name)
	}
	return value
}

func readPod(t *testing.T, name string) *corev1.Pod {
	t.Helper()
	var pod corev1.Pod
	if err := readYAML(filepath.Join("pods", name+".yaml"), &pod); err != nil {
		t.Fatal(err)
	}
	return &pod
}

// The certificate of an authority that nobody has the key of any more.
var otherAuthority = []byte(`-----BEGIN CERTIFICATE-----
MIIBkDCCATWgAwIBAgIUcXBInRB2qvFE0AevobL5j6KTukwwCgYIKoZIzj0EAwIw
HDEaMBgGA1UEAwwRYW5vdGhlciBhdXRob3JpdHkwIBcNMjYxMTI0MTUyNTI2WhgP
MjEyNjEwMzExNTI1MjZaMBwxGjAYBgNVBAMMEWFub3RoZXIgYXV0aG9yaXR5MFkw
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAETDfPF9pr2y9i1saXJ1p0WK+kJFqjinjD
MpmkQMLu538RJtho8qK87CrWPf1edP8QQkYP9kC+DIkp8Zi+BxOJvqNTMFEwHQYD
VR0OBBYEFH0iwE1IEduyEk1A+rHNKoteorB5MB8GA1UdIwQYMBaAFH0iwE1IEduy
Ek1A+rHNKoteorB5MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIh
AInxHYpS7rk5kKZ3XnDwLgEtD0uZw4DfW4Liba7n/aiuAiEAyyoL7YxSB5ZivGwv
8Z2ZSFmSlFcoGLy+7+xPNyV/sK8=
-----END CERTIFICATE-----
`)

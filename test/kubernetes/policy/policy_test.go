// Package policy holds the CEL of Keyside's webhook and policy against pods, with the code that API servers decide by.
package policy

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apiserver/pkg/admission"

	"keyside.dev/test/kubernetes/manifests"
)

const injectAnnotation = "keyside.dev/inject"

type change func(*corev1.Pod)

// A pod with one container, and what is changed of it.
func podWith(changes ...change) *corev1.Pod {
	pod := &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Name: "app", Namespace: "shop"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app:1"}}},
	}
	for _, change := range changes {
		change(pod)
	}
	return pod
}

func asking(value string) change {
	return func(pod *corev1.Pod) { pod.Annotations = map[string]string{injectAnnotation: value} }
}

func sidecar(mounts ...string) corev1.Container {
	return corev1.Container{Name: "keyside", Image: "keyside:1", VolumeMounts: mountsOf(mounts...)}
}

func mountsOf(names ...string) []corev1.VolumeMount {
	mounts := []corev1.VolumeMount{}
	for _, name := range names {
		mounts = append(mounts, corev1.VolumeMount{Name: name, MountPath: "/mnt/" + name})
	}
	return mounts
}

func native(pod *corev1.Pod) {
	always := corev1.ContainerRestartPolicyAlways
	container := sidecar("keyside-socket")
	container.RestartPolicy = &always
	pod.Spec.InitContainers = append(pod.Spec.InitContainers, container)
	socketVolume(pod)
}

func plain(pod *corev1.Pod) {
	pod.Spec.Containers = append(pod.Spec.Containers, sidecar("keyside-socket"))
	socketVolume(pod)
}

func volume(name string) change {
	return func(pod *corev1.Pod) { pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: name}) }
}

func socketVolume(pod *corev1.Pod) { volume("keyside-socket")(pod) }

func inNamespace(name string) change {
	return func(pod *corev1.Pod) { pod.Namespace = name }
}

func initContainer(container corev1.Container) change {
	return func(pod *corev1.Pod) { pod.Spec.InitContainers = append(pod.Spec.InitContainers, container) }
}

func debugging(target string, mounts ...string) change {
	return func(pod *corev1.Pod) {
		container := corev1.EphemeralContainer{TargetContainerName: target}
		container.Name = "debugger"
		container.VolumeMounts = mountsOf(mounts...)
		pod.Spec.EphemeralContainers = append(pod.Spec.EphemeralContainers, container)
	}
}

func windowsByName(pod *corev1.Pod) { pod.Spec.OS = &corev1.PodOS{Name: corev1.Windows} }

func nodesOf(system string) change {
	return func(pod *corev1.Pod) { pod.Spec.NodeSelector = map[string]string{"kubernetes.io/os": system} }
}

const (
	withoutSidecar = "ended without it"
	mountsVolumes  = "must not mount Keyside's volumes"
	targetsSidecar = "must not target the container keyside"
)

func TestPolicyOnNewPods(t *testing.T) {
	found := manifests.Read(t)
	plugin := startPolicyPlugin(t, found, "shop", "keyside", "kube-system")
	cases := []struct {
		name    string
		pod     *corev1.Pod
		refused string
	}{
		{"a pod that does not ask", podWith(), ""},
		{"a pod that does not want it", podWith(asking("false")), ""},
		{"a pod with annotations of others only", podWith(func(pod *corev1.Pod) { pod.Annotations = map[string]string{"a": "b"} }), ""},
		{"a pod that asks and has none", podWith(asking("true")), withoutSidecar},
		{"a pod whose annotation is a slip", podWith(asking("True")), withoutSidecar},
		{"a pod whose annotation is empty", podWith(asking("")), withoutSidecar},
		{"a pod with a native sidecar", podWith(asking("true"), native), ""},
		{"a pod with a plain container", podWith(asking("true"), plain), ""},
		{"a sidecar that would end before the app starts", podWith(asking("true"), socketVolume, initContainer(sidecar("keyside-socket"))), withoutSidecar},
		{"a sidecar that is not started again", podWith(asking("true"), socketVolume, func(pod *corev1.Pod) {
			never, container := corev1.ContainerRestartPolicyNever, sidecar("keyside-socket")
			container.RestartPolicy = &never
			initContainer(container)(pod)
		}), withoutSidecar},
		{"a container of the name without the socket", podWith(asking("true"), socketVolume, func(pod *corev1.Pod) {
			pod.Spec.Containers = append(pod.Spec.Containers, sidecar("keyside-audit"))
		}), withoutSidecar},
		{"a container of the name without volumes", podWith(asking("true"), func(pod *corev1.Pod) {
			pod.Spec.Containers = append(pod.Spec.Containers, sidecar())
		}), withoutSidecar},
		{"the socket in another container", podWith(asking("true"), socketVolume, func(pod *corev1.Pod) {
			pod.Spec.Containers[0].VolumeMounts = mountsOf("keyside-socket")
		}), withoutSidecar},
		{"a pod of Windows by its system", podWith(asking("true"), windowsByName), ""},
		{"a pod of Windows by its nodes", podWith(asking("true"), nodesOf("windows")), ""},
		{"a pod for nodes of Linux", podWith(asking("true"), nodesOf("linux")), withoutSidecar},
		{"a pod that stands for a static one", podWith(asking("true"), func(pod *corev1.Pod) {
			pod.Annotations["kubernetes.io/config.mirror"] = "hash"
		}), ""},
		{"a pod that asks where nobody injects", podWith(asking("true"), inNamespace("kube-system")), withoutSidecar},
		{"a pod of the injector's namespace that does not ask", podWith(inNamespace("keyside")), ""},
	}
	for _, each := range cases {
		t.Run(each.name, func(t *testing.T) {
			expect(t, decide(t, plugin, requestOf(each.pod, admission.Create, "")), each.refused)
		})
	}
}

func TestPolicyOnDebugContainers(t *testing.T) {
	found := manifests.Read(t)
	plugin := startPolicyPlugin(t, found, "shop")
	withoutAnnotation := func(pod *corev1.Pod) { pod.Annotations = nil }
	cases := []struct {
		name    string
		pod     *corev1.Pod
		refused string
	}{
		{"one that mounts nothing", podWith(asking("true"), native, debugging("app")), ""},
		{"one that mounts a volume of the app's", podWith(asking("true"), native, debugging("", "data")), ""},
		{"one that mounts the socket", podWith(asking("true"), native, debugging("", "keyside-socket")), mountsVolumes},
		{"one that mounts a token", podWith(asking("true"), native, debugging("", "data", "keyside-token-0")), mountsVolumes},
		{"one that mounts the audit trail", podWith(asking("true"), native, debugging("", "keyside-audit")), mountsVolumes},
		{"one that mounts the daemon's secrets", podWith(asking("true"), native, debugging("", "keyside-secret")), mountsVolumes},
		{"one that mounts the token for the cloud", podWith(asking("true"), native, debugging("", "keyside-identity")), mountsVolumes},
		{"one that mounts the socket beside a plain container", podWith(asking("true"), plain, debugging("", "keyside-socket")), mountsVolumes},
		{"the second of two", podWith(asking("true"), native, debugging(""), debugging("", "keyside-socket")), mountsVolumes},
		{"one of a pod whose annotation was taken away", podWith(native, withoutAnnotation, debugging("", "keyside-socket")), mountsVolumes},
		{"one that shares the sidecar's processes", podWith(asking("true"), native, debugging("keyside")), targetsSidecar},
		{"one of a pod that has no sidecar", podWith(volume("keyside-notes"), debugging("keyside", "keyside-notes")), ""},
		{"one of a pod that asked and has none, from before the policy", podWith(asking("true"), debugging("app")), ""},
	}
	for _, each := range cases {
		t.Run(each.name, func(t *testing.T) {
			expect(t, decide(t, plugin, requestOf(each.pod, admission.Update, "ephemeralcontainers")), each.refused)
		})
	}
}

func TestPolicyLeavesOtherRequestsAlone(t *testing.T) {
	plugin := startPolicyPlugin(t, manifests.Read(t), "shop")
	for _, subresource := range []string{"", "status", "resize"} {
		expect(t, decide(t, plugin, requestOf(podWith(asking("true")), admission.Update, subresource)), "")
	}
}

func TestWebhookIsAskedOnlyForPodsThatAsk(t *testing.T) {
	webhook := manifests.Read(t).Webhook.Webhooks[0]
	cases := []struct {
		name string
		pod  *corev1.Pod
		want bool
	}{
		{"no annotations", podWith(), false},
		{"annotations of others only", podWith(func(pod *corev1.Pod) { pod.Annotations = map[string]string{"keyside.dev/config": "x"} }), false},
		{"asks", podWith(asking("true")), true},
		{"does not want it", podWith(asking("false")), false},
		{"a slip, which the injector refuses", podWith(asking("yes")), true},
		{"asks again, after another webhook", podWith(asking("true"), native), true},
	}
	for _, each := range cases {
		t.Run(each.name, func(t *testing.T) {
			if got := matches(t, webhook, requestOf(each.pod, admission.Create, "")); got != each.want {
				t.Errorf("asked: %v, want %v", got, each.want)
			}
		})
	}
}

func TestWebhookIsNotAskedForWhatItNeedsItself(t *testing.T) {
	webhook := manifests.Read(t).Webhook.Webhooks[0]
	selector, err := metav1.LabelSelectorAsSelector(webhook.NamespaceSelector)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"shop": true, "default": true, "kube-system": false, "keyside": false} {
		if got := selector.Matches(labels.Set{"kubernetes.io/metadata.name": name}); got != want {
			t.Errorf("%s: asked %v, want %v", name, got, want)
		}
	}
}

// An error must be a refusal by the policy, and say what was wrong; "" stands for none.
func expect(t *testing.T, err error, refused string) {
	t.Helper()
	switch {
	case refused == "" && err != nil:
		t.Errorf("refused: %v", err)
	case refused != "" && err == nil:
		t.Errorf("not refused")
	case refused != "" && !(errors.IsForbidden(err) && strings.Contains(err.Error(), refused)):
		t.Errorf("refused otherwise: %v", err)
	}
}

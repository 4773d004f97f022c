// Package policy holds the CEL of Keyside's webhook and policy against pods, with the code that API servers decide by.
package policy

import (
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"

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

func mounting(names ...string) change {
	return func(pod *corev1.Pod) { pod.Spec.Containers[0].VolumeMounts = mountsOf(names...) }
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

// Gives a container what the injector gives to those that may call.
func calling(name string) change {
	return func(pod *corev1.Pod) {
		for _, list := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
			for at := range list {
				if list[at].Name == name {
					list[at].VolumeMounts = append(list[at].VolumeMounts, mountsOf("keyside-socket", "keyside-token-0")...)
				}
			}
		}
	}
}

func secretVolume(secret string) change {
	return func(pod *corev1.Pod) {
		source := corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: secret}}
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: "keyside-secret", VolumeSource: source})
	}
}

func debuggingWith(changes ...func(*corev1.EphemeralContainer)) change {
	return func(pod *corev1.Pod) {
		container := corev1.EphemeralContainer{}
		container.Name = "debugger"
		for _, change := range changes {
			change(&container)
		}
		pod.Spec.EphemeralContainers = append(pod.Spec.EphemeralContainers, container)
	}
}

func allVariablesOf(secret string) func(*corev1.EphemeralContainer) {
	return func(container *corev1.EphemeralContainer) {
		source := corev1.EnvFromSource{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: secret}}}
		container.EnvFrom = append(container.EnvFrom, corev1.EnvFromSource{ConfigMapRef: &corev1.ConfigMapEnvSource{}}, source)
	}
}

func oneVariableOf(secret string) func(*corev1.EphemeralContainer) {
	return func(container *corev1.EphemeralContainer) {
		key := &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: secret}, Key: "token"}
		variable := corev1.EnvVar{Name: "X", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: key}}
		container.Env = append(container.Env, corev1.EnvVar{Name: "Y", Value: "y"}, variable)
	}
}

func sharingProcesses(pod *corev1.Pod) {
	yes := true
	pod.Spec.ShareProcessNamespace = &yes
}

func nodesProcesses(pod *corev1.Pod) { pod.Spec.HostPID = true }

func image(name, image string) change {
	return func(pod *corev1.Pod) {
		for _, list := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
			for at := range list {
				if list[at].Name == name {
					list[at].Image = image
				}
			}
		}
	}
}

const (
	withoutSidecar  = "ended without it"
	mountsVolumes   = "must not mount Keyside's volumes"
	mountsOwn       = "must not mount the volumes of the sidecar alone"
	targetsSidecar  = "must not target the container keyside"
	targetsCaller   = "must not target a container that may call"
	hasSecret       = "must not have variables of the Secret"
	sharesProcesses = "no debug container where processes are shared"
	changesImage    = "the image of the container keyside must not be changed"
	changesWebhook  = "may change nothing of its webhook but the caBundle"
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
		{"a native container of the name that runs another program", podWith(asking("true"), native, func(pod *corev1.Pod) {
			pod.Spec.InitContainers[0].Command = []string{"sleep", "1d"}
		}), withoutSidecar},
		{"a plain container of the name that runs another program", podWith(asking("true"), plain, func(pod *corev1.Pod) {
			pod.Spec.Containers[1].Command = []string{"sleep", "1d"}
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
		{"a pod whose container has the socket and a token", podWith(asking("true"), native, calling("app")), ""},
		{"a pod whose container has the trail too", podWith(asking("true"), native, mounting("keyside-socket", "keyside-audit")), mountsOwn},
		{"a pod whose container has the configuration", podWith(asking("true"), native, mounting("keyside-config")), mountsOwn},
		{"a pod whose container has the tenants", podWith(asking("true"), native, mounting("keyside-tenants-config")), mountsOwn},
		{"a pod whose container has the secrets", podWith(asking("true"), plain, mounting("keyside-secret")), mountsOwn},
		{"a pod whose container has the identity", podWith(asking("true"), native, mounting("keyside-identity")), mountsOwn},
		{"a pod that does not ask any more, whose container has the trail", podWith(native, mounting("keyside-audit")), mountsOwn},
		{"a pod whose init container has the trail", podWith(asking("true"), native, initContainer(corev1.Container{
			Name: "init", VolumeMounts: mountsOf("keyside-audit"),
		})), mountsOwn},
		{"a pod without the sidecar that has such a volume of its own", podWith(volume("keyside-audit"), mounting("keyside-audit")), ""},
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
		{"one that targets a container that may not call", podWith(asking("true"), native, debugging("app")), ""},
		{"one that targets a container that may call", podWith(asking("true"), native, calling("app"), debugging("app")), targetsCaller},
		{"one that targets an init container that may call", podWith(asking("true"), native, initContainer(corev1.Container{Name: "init"}), calling("init"), debugging("init")), targetsCaller},
		{"one without a target beside a container that may call", podWith(asking("true"), native, calling("app"), debugging("")), ""},
		{"one where processes are shared", podWith(asking("true"), native, sharingProcesses, debugging("")), sharesProcesses},
		{"one with a target where processes are shared", podWith(asking("true"), native, sharingProcesses, debugging("app")), sharesProcesses},
		{"one where processes are the node's", podWith(asking("true"), native, nodesProcesses, debugging("")), sharesProcesses},
		{"one where processes are shared, without the sidecar", podWith(sharingProcesses, debugging("")), ""},
		{"one with all variables of the daemon's Secret", podWith(asking("true"), native, secretVolume("s"), debuggingWith(allVariablesOf("s"))), hasSecret},
		{"one with a variable of the daemon's Secret", podWith(asking("true"), native, secretVolume("s"), debuggingWith(oneVariableOf("s"))), hasSecret},
		{"one with all variables of another Secret", podWith(asking("true"), native, secretVolume("s"), debuggingWith(allVariablesOf("t"))), ""},
		{"one with a variable of another Secret", podWith(asking("true"), native, secretVolume("s"), debuggingWith(oneVariableOf("t"))), ""},
		{"one with variables of a Secret where the daemon has none", podWith(asking("true"), native, debuggingWith(allVariablesOf("s"), oneVariableOf("s"))), ""},
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

func TestPolicyOnChangedPods(t *testing.T) {
	plugin := startPolicyPlugin(t, manifests.Read(t), "shop")
	cases := []struct {
		name    string
		pod     *corev1.Pod
		change  change
		refused string
	}{
		{"another image of a native sidecar", podWith(asking("true"), native), image("keyside", "other:1"), changesImage},
		{"another image of a plain sidecar", podWith(asking("true"), plain), image("keyside", "other:1"), changesImage},
		{"another image of a sidecar whose annotation was taken away", podWith(native), image("keyside", "other:1"), changesImage},
		{"another image of the app", podWith(asking("true"), native), image("app", "app:2"), ""},
		{"another annotation", podWith(asking("true"), native), asking("false"), ""},
		{"a container of the name in a pod without the socket", podWith(func(pod *corev1.Pod) {
			pod.Spec.Containers[0].Name = "keyside"
		}), image("keyside", "other:1"), ""},
		{"a pod that asked and has none, from before the policy", podWith(asking("true")), image("app", "app:2"), ""},
	}
	for _, each := range cases {
		t.Run(each.name, func(t *testing.T) {
			after := each.pod.DeepCopy()
			each.change(after)
			expect(t, decide(t, plugin, changeOfPod(each.pod, after)), each.refused)
		})
	}
}

func TestPolicyOnTheInjectorsWebhook(t *testing.T) {
	found := manifests.Read(t)
	plugin := startPolicyPlugin(t, found)
	injector := &user.DefaultInfo{Name: "system:serviceaccount:keyside:keyside-injector"}
	type webhooks = admissionv1.MutatingWebhookConfiguration
	cases := []struct {
		name    string
		user    user.Info
		change  func(*webhooks)
		refused string
	}{
		{"the caBundle", injector, func(w *webhooks) { w.Webhooks[0].ClientConfig.CABundle = []byte("other") }, ""},
		{"nothing", injector, func(*webhooks) {}, ""},
		{"the objects that it is asked about", injector, func(w *webhooks) { w.Webhooks[0].Rules[0].Resources = []string{"*"} }, changesWebhook},
		{"the operations that it is asked about", injector, func(w *webhooks) {
			w.Webhooks[0].Rules[0].Operations = append(w.Webhooks[0].Rules[0].Operations, admissionv1.Update)
		}, changesWebhook},
		{"the conditions", injector, func(w *webhooks) { w.Webhooks[0].MatchConditions = nil }, changesWebhook},
		{"the namespaces", injector, func(w *webhooks) { w.Webhooks[0].NamespaceSelector = &metav1.LabelSelector{} }, changesWebhook},
		{"the objects by label", injector, func(w *webhooks) { w.Webhooks[0].ObjectSelector = &metav1.LabelSelector{} }, changesWebhook},
		{"who is asked", injector, func(w *webhooks) { w.Webhooks[0].ClientConfig.Service.Name = "other" }, changesWebhook},
		{"who is asked, elsewhere", injector, func(w *webhooks) {
			address := "https://evil.example"
			w.Webhooks[0].ClientConfig.Service, w.Webhooks[0].ClientConfig.URL = nil, &address
		}, changesWebhook},
		{"what becomes of failures", injector, func(w *webhooks) {
			fail := admissionv1.Fail
			w.Webhooks[0].FailurePolicy = &fail
		}, changesWebhook},
		{"a second webhook", injector, func(w *webhooks) {
			second := w.Webhooks[0].DeepCopy()
			second.Name = "second.keyside.dev"
			w.Webhooks = append(w.Webhooks, *second)
		}, changesWebhook},
		{"no webhook any more", injector, func(w *webhooks) { w.Webhooks = nil }, changesWebhook},
		{"annotations", injector, func(w *webhooks) { w.Annotations = map[string]string{"cert-manager.io/inject-ca-from": "a/b"} }, changesWebhook},
		{"the objects, by somebody else", &user.DefaultInfo{Name: "admin"}, func(w *webhooks) { w.Webhooks[0].Rules = nil }, ""},
	}
	for _, each := range cases {
		t.Run(each.name, func(t *testing.T) {
			after := found.Webhook.DeepCopy()
			each.change(after)
			expect(t, decide(t, plugin, changeOfWebhook(found.Webhook, after, each.user)), each.refused)
		})
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

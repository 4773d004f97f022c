package admission

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	admissionregistration "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/mutating"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/util/webhook"
	"k8s.io/apiserver/pkg/warning"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"
)

// The namespaces that the API server knows. The injector's own and kube-system are not to be touched.
var namespaces = []string{"default", "kube-system", "keyside"}

// apiServer is the part of the Kubernetes API server that asks mutating webhooks: its own admission plugin, with nothing of ours in it.
type apiServer struct {
	plugin *mutating.Plugin
}

// newAPIServer starts the plugin with this configuration. Whatever service the configuration names is reached at address, and must prove to be
// that service by a certificate of the caBundle.
func newAPIServer(t *testing.T, configuration *admissionregistration.MutatingWebhookConfiguration, address *url.URL) *apiServer {
	t.Helper()
	objects := []runtime.Object{configuration}
	for _, name := range namespaces {
		labels := map[string]string{"kubernetes.io/metadata.name": name}
		objects = append(objects, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}})
	}
	client := fake.NewClientset(objects...)
	factory := informers.NewSharedInformerFactory(client, 0)
	plugin, err := mutating.NewMutatingWebhook(nil)
	if err != nil {
		t.Fatal(err)
	}
	plugin.SetAuthenticationInfoResolverWrapper(func(webhook.AuthenticationInfoResolver) webhook.AuthenticationInfoResolver {
		return noCredentials{}
	})
	plugin.SetServiceResolver(fixedService{address})
	plugin.SetExternalKubeClientSet(client)
	plugin.SetExternalKubeInformerFactory(factory)
	if err := plugin.ValidateInitialization(); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	factory.Start(stop)
	factory.WaitForCacheSync(stop)
	for end := time.Now().Add(10 * time.Second); !plugin.WaitForReady(); {
		if time.Now().After(end) {
			t.Fatal("the plugin did not become ready")
		}
	}
	return &apiServer{plugin}
}

// admitted is what came of a pod that was to be created.
type admitted struct {
	pod      *corev1.Pod
	warnings []string
	err      error
	took     time.Duration
}

// create sends a pod through admission, as a user who creates it would.
func (server *apiServer) create(pod *corev1.Pod) admitted {
	object := pod.DeepCopy()
	object.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
	attributes := admission.NewAttributesRecord(
		object, nil, corev1.SchemeGroupVersion.WithKind("Pod"), pod.Namespace, pod.Name,
		corev1.SchemeGroupVersion.WithResource("pods"), "", admission.Create, &metav1.CreateOptions{}, false,
		&user.DefaultInfo{Name: "somebody"},
	)
	recorder := &warnings{}
	start := time.Now()
	err := server.plugin.Admit(warning.WithWarningRecorder(context.Background(), recorder), attributes, admission.NewObjectInterfacesFromScheme(scheme.Scheme))
	result, _ := attributes.GetObject().(*corev1.Pod)
	return admitted{result, recorder.texts, err, time.Since(start)}
}

type warnings struct {
	lock  sync.Mutex
	texts []string
}

func (recorder *warnings) AddWarning(_, text string) {
	recorder.lock.Lock()
	defer recorder.lock.Unlock()
	recorder.texts = append(recorder.texts, text)
}

type fixedService struct{ address *url.URL }

func (service fixedService) ResolveEndpoint(string, string, int32) (*url.URL, error) {
	address := *service.address
	return &address, nil
}

type noCredentials struct{}

func (noCredentials) ClientConfigFor(string) (*rest.Config, error) { return &rest.Config{}, nil }

func (noCredentials) ClientConfigForService(string, string, int) (*rest.Config, error) {
	return &rest.Config{}, nil
}

// readYAML reads a file strictly: a field that the type does not have is an error.
func readYAML(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := yaml.UnmarshalStrict(text, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

package policy

import (
	"context"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/initializer"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	"k8s.io/apiserver/pkg/cel/environment"
	"k8s.io/apiserver/pkg/util/compatibility"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/component-base/featuregate"

	"keyside.dev/test/kubernetes/manifests"
)

var (
	podKind     = corev1.SchemeGroupVersion.WithKind("Pod")
	podResource = corev1.SchemeGroupVersion.WithResource("pods")

	webhookKind     = admissionv1.SchemeGroupVersion.WithKind("MutatingWebhookConfiguration")
	webhookResource = admissionv1.SchemeGroupVersion.WithResource("mutatingwebhookconfigurations")

	// Allows nothing: no expression of ours asks it.
	nobody = authorizerfactory.NewAlwaysDenyAuthorizer()
)

// The API server's own plugin for policies, with the policies and their bindings in its caches.
func startPolicyPlugin(t *testing.T, found manifests.Found, namespaces ...string) *validating.Plugin {
	t.Helper()
	objects := []runtime.Object{}
	for _, policy := range found.Policies {
		objects = append(objects, policy)
	}
	for _, binding := range found.Bindings {
		objects = append(objects, binding)
	}
	for _, name := range namespaces {
		labels := map[string]string{"kubernetes.io/metadata.name": name}
		objects = append(objects, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}})
	}
	client := fake.NewClientset(objects...)
	factory := informers.NewSharedInformerFactory(client, 0)
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{corev1.SchemeGroupVersion, admissionv1.SchemeGroupVersion})
	mapper.Add(podKind, meta.RESTScopeNamespace)
	mapper.Add(webhookKind, meta.RESTScopeRoot)

	plugin, err := validating.NewPlugin(nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	initializer.New(
		client, dynamicfake.NewSimpleDynamicClient(scheme.Scheme), factory, nobody, featuregate.NewFeatureGate(),
		compatibility.DefaultBuildEffectiveVersion(), ctx.Done(), mapper,
	).Initialize(plugin)
	if err := plugin.ValidateInitialization(); err != nil {
		t.Fatal(err)
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	limit, cancelLimit := context.WithTimeout(ctx, 20*time.Second)
	defer cancelLimit()
	for !plugin.WaitForReady() {
		if limit.Err() != nil {
			t.Fatal("the plugin was not ready in time")
		}
	}
	return plugin
}

// What the API server answers to a request: nil, or why it refuses.
func decide(t *testing.T, plugin *validating.Plugin, request admission.Attributes) error {
	t.Helper()
	return plugin.Validate(t.Context(), request, admission.NewObjectInterfacesFromScheme(scheme.Scheme))
}

// Whether the webhook would be asked, by the same code that an API server decides it with.
func matches(t *testing.T, webhook admissionv1.MutatingWebhook, request admission.Attributes) bool {
	t.Helper()
	compiler := cel.NewConditionCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
	accessors := []cel.ExpressionAccessor{}
	for index := range webhook.MatchConditions {
		accessors = append(accessors, (*matchconditions.MatchCondition)(&webhook.MatchConditions[index]))
	}
	evaluator := compiler.CompileCondition(accessors, cel.OptionalVariableDeclarations{HasAuthorizer: true}, environment.StoredExpressions)
	matcher := matchconditions.NewMatcher(evaluator, webhook.FailurePolicy, "webhook", "admit", webhook.Name)
	versioned, err := admission.NewVersionedAttributes(request, podKind, admission.NewObjectInterfacesFromScheme(scheme.Scheme))
	if err != nil {
		t.Fatal(err)
	}
	result := matcher.Match(t.Context(), versioned, nil, nobody)
	if result.Error != nil {
		t.Fatal(result.Error)
	}
	return result.Matches
}

func requestOf(pod *corev1.Pod, operation admission.Operation, subresource string) admission.Attributes {
	var old runtime.Object
	if operation == admission.Update {
		former := pod.DeepCopy()
		former.Spec.EphemeralContainers = nil
		old = former
	}
	return admission.NewAttributesRecord(
		pod, old, podKind, pod.Namespace, pod.Name, podResource, subresource, operation, nil, false, &user.DefaultInfo{Name: "somebody"},
	)
}

// Both as the API server has them: with what it fills in.
func changeOfWebhook(before, after *admissionv1.MutatingWebhookConfiguration, user user.Info) admission.Attributes {
	return admission.NewAttributesRecord(
		after, before, webhookKind, "", before.Name, webhookResource, "", admission.Update, nil, false, user,
	)
}

// Of a running pod whose images are changed.
func changeOfPod(before, after *corev1.Pod) admission.Attributes {
	return admission.NewAttributesRecord(
		after, before, podKind, before.Namespace, before.Name, podResource, "", admission.Update, nil, false, &user.DefaultInfo{Name: "somebody"},
	)
}

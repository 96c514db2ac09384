package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.yaml.in/yaml/v4"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"

	"sweetspot/runner/fleet/place"
)

const namespace = "bench"

// plan has everything that a plan can have: a hub of its own, two sites, keys.
func plan() *place.Plan {
	p := &place.Plan{
		Name: "sweetspot-ab12cd34ef56", Run: "ab12cd34ef56", Scenario: "shop", Version: "v1", Image: "sweetspot:v1",
		Sites: 2, Generators: 2, Subject: place.Resources{CPU: 2, Memory: 1 << 30}, Generator: place.Resources{CPU: 0.5, Memory: 300e6},
		Spread: place.Required, Lifetime: time.Hour, HubFiles: map[string][]byte{"hub.pem": []byte("key of the hub\n")}, Keys: map[string][]byte{},
	}
	for _, a := range p.Agents() {
		p.Keys[a.Name] = []byte("key of " + a.Name + "\n")
	}
	return p
}

// server is the client library's fake with what it leaves out: server-side
// apply, UIDs, and the deletion of what is owned.
type server struct {
	*fake.FakeDynamicClient
	uids int
}

func newServer() *server {
	kinds := map[schema.GroupVersionResource]string{}
	for kind, resource := range resources {
		kinds[resource] = kind + "List"
	}
	s := &server{FakeDynamicClient: fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), kinds)}
	s.PrependReactor("patch", "*", s.apply)
	s.PrependReactor("delete", "configmaps", s.collect)
	return s
}

func (s *server) apply(action clienttesting.Action) (bool, runtime.Object, error) {
	patch := action.(clienttesting.PatchAction)
	if patch.GetPatchType() != types.ApplyPatchType {
		return true, nil, errors.New("not applied on the server's side")
	}
	u := &unstructured.Unstructured{}
	if err := json.Unmarshal(patch.GetPatch(), u); err != nil {
		return true, nil, err
	}
	there, err := s.Tracker().Get(patch.GetResource(), patch.GetNamespace(), patch.GetName())
	if apierrors.IsNotFound(err) {
		s.uids++
		u.SetUID(types.UID(fmt.Sprint("uid-", s.uids)))
		return true, u, s.Tracker().Create(patch.GetResource(), u, patch.GetNamespace())
	}
	if err != nil {
		return true, nil, err
	}
	u.SetUID(there.(*unstructured.Unstructured).GetUID())
	return true, u, s.Tracker().Update(patch.GetResource(), u, patch.GetNamespace())
}

// collect deletes what the deleted object owns, as the garbage collector does.
func (s *server) collect(action clienttesting.Action) (bool, runtime.Object, error) {
	del := action.(clienttesting.DeleteAction)
	if policy := del.GetDeleteOptions().PropagationPolicy; policy != nil && *policy != metav1.DeletePropagationForeground {
		return true, nil, fmt.Errorf("deleted with the policy %s, which does not wait for what is owned", *policy)
	}
	owner, err := s.Tracker().Get(del.GetResource(), del.GetNamespace(), del.GetName())
	if err != nil {
		return true, nil, err
	}
	for kind, resource := range resources {
		for _, u := range s.all(kind) {
			refs := u.GetOwnerReferences()
			if len(refs) == 1 && refs[0].UID == owner.(*unstructured.Unstructured).GetUID() {
				if err := s.Tracker().Delete(resource, namespace, u.GetName()); err != nil {
					return true, nil, err
				}
			}
		}
	}
	return false, nil, nil
}

// all asks the store, not the client, which one of its reactors may be in.
func (s *server) all(kind string) []unstructured.Unstructured {
	list, err := s.Tracker().List(resources[kind], resources[kind].GroupVersion().WithKind(kind), namespace)
	if err != nil {
		panic(err) // the kinds are those that newServer knows
	}
	return list.(*unstructured.UnstructuredList).Items
}

// contents are all objects, as text and sorted.
func (s *server) contents() []string {
	var all []string
	for kind := range resources {
		for _, u := range s.all(kind) {
			b, err := json.Marshal(u.Object)
			if err != nil {
				panic(err) // it came as JSON
			}
			all = append(all, string(b))
		}
	}
	slices.Sort(all)
	return all
}

// What is applied is what the plan says, owned by the first object; applying it
// again changes nothing; and deleting the owner leaves nothing.
func TestApply(t *testing.T) {
	s, p := newServer(), plan()
	n := &Namespace{Name: namespace, client: s}
	if err := n.Apply(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	want := p.Objects(namespace)
	first := s.contents()
	if len(first) != len(want) {
		t.Errorf("%d objects are there, want %d", len(first), len(want))
	}
	for i, o := range want {
		u := unstructured.Unstructured{Object: o.Content}
		got, err := n.of(u.GetKind()).Get(t.Context(), u.GetName(), metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		refs := got.GetOwnerReferences()
		if i == 0 {
			if len(refs) != 0 {
				t.Errorf("the owner is owned: %v", refs)
			}
			continue
		}
		if len(refs) != 1 || refs[0].Kind != "ConfigMap" || refs[0].Name != p.Name || refs[0].UID != "uid-1" || !*refs[0].BlockOwnerDeletion {
			t.Errorf("%s %s is owned by %v", u.GetKind(), u.GetName(), refs)
		}
	}
	if err := n.Apply(t.Context(), plan()); err != nil {
		t.Fatal(err)
	}
	if again := s.contents(); !slices.Equal(again, first) {
		t.Errorf("applying it again changed it:\n%s\n%s", first, again)
	}
	for range 2 { // what is not there is no error
		if err := n.Remove(t.Context(), p.Name); err != nil {
			t.Fatal(err)
		}
		if left := s.contents(); len(left) != 0 {
			t.Errorf("left: %s", left)
		}
	}
}

// A refusal on the way leaves nothing, and says what has to be allowed.
func TestApplyRefused(t *testing.T) {
	s, p := newServer(), plan()
	s.PrependReactor("patch", "jobs", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Group: "batch", Resource: "jobs"}, "x", errors.New("not yours"))
	})
	err := (&Namespace{Name: namespace, client: s}).Apply(t.Context(), p)
	if err == nil || !strings.Contains(err.Error(), "apply Job sweetspot-ab12cd34ef56-s1-generators: ") || !strings.Contains(err.Error(), "sweetspot engine role prints what has to be allowed") {
		t.Errorf("error %v", err)
	}
	if left := s.contents(); len(left) != 0 {
		t.Errorf("left: %s", left)
	}
}

// Interrupted on the way, nothing is left either.
func TestApplyInterrupted(t *testing.T) {
	s, p := newServer(), plan()
	ctx, cancel := context.WithCancel(t.Context())
	s.PrependReactor("patch", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		cancel()
		return true, nil, ctx.Err()
	})
	if err := (&Namespace{Name: namespace, client: s}).Apply(ctx, p); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if left := s.contents(); len(left) != 0 {
		t.Errorf("left: %s", left)
	}
}

// An object of that name that is not sweetspot's is left alone.
func TestForeign(t *testing.T) {
	s, p := newServer(), plan()
	foreign := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": p.Name, "namespace": namespace}}}
	if err := s.Tracker().Create(resources["ConfigMap"], foreign, namespace); err != nil {
		t.Fatal(err)
	}
	n := &Namespace{Name: namespace, client: s}
	for _, err := range []error{n.Apply(t.Context(), p), n.Remove(t.Context(), p.Name)} {
		if err == nil || !strings.Contains(err.Error(), "is not sweetspot's") {
			t.Errorf("error %v", err)
		}
	}
	if there := s.contents(); len(there) != 1 {
		t.Errorf("there are %s", there)
	}
}

// What is still being deleted is waited for: an owner that is applied to then
// would take the new objects along.
func TestApplyAfterDeletion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := newServer(), plan()
		n := &Namespace{Name: namespace, client: s}
		if err := n.Apply(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		s.PrependReactor("get", "configmaps", func(action clienttesting.Action) (bool, runtime.Object, error) {
			there, err := s.Tracker().Get(action.GetResource(), namespace, p.Name)
			if err != nil {
				return true, nil, err
			}
			u := there.(*unstructured.Unstructured)
			switch took := time.Since(began); {
			case took < 5*time.Second:
				now := metav1.Now()
				u.SetDeletionTimestamp(&now)
			case took < 6*time.Second: // the collector is done
				if _, _, err := s.collect(clienttesting.NewDeleteAction(action.GetResource(), namespace, p.Name)); err != nil {
					return true, nil, err
				}
				return true, nil, errors.Join(s.Tracker().Delete(action.GetResource(), namespace, p.Name), apierrors.NewNotFound(schema.GroupResource{}, p.Name))
			}
			return true, u, nil
		})
		if err := n.Apply(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 5*time.Second {
			t.Errorf("applied after %v, while the earlier one was being deleted", took)
		}
		if got := len(s.contents()); got != len(p.Objects(namespace)) {
			t.Errorf("%d objects are there, want %d", got, len(p.Objects(namespace)))
		}
	})
}

// What keeps a Pod is told by its agent's name; of an index that was replaced
// the newest Pod counts.
func TestWhy(t *testing.T) {
	s, p := newServer(), plan()
	agents := p.Agents()
	pod := func(name, agent string, second int, status string) {
		t.Helper()
		labels := map[string]any{"app.kubernetes.io/instance": p.Name, "app.kubernetes.io/component": "subject"}
		if site, index, ok := strings.Cut(agent, "-g"); ok {
			labels["app.kubernetes.io/component"], labels["sweetspot/site"], labels["batch.kubernetes.io/job-completion-index"] = "generator", site, index
		}
		u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{
			"name": name, "namespace": namespace, "labels": labels, "creationTimestamp": fmt.Sprintf("2026-01-02T03:04:%02dZ", second),
		}}}
		parsed := map[string]any{}
		if err := json.Unmarshal([]byte(status), &parsed); err != nil {
			t.Fatal(err)
		}
		u.Object["status"] = parsed
		if err := s.Tracker().Create(resources["Pod"], u, namespace); err != nil {
			t.Fatal(err)
		}
	}
	pod(agents[0].Name, agents[0].Name, 1, `{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","message":"0/3 nodes are available: 3 Insufficient cpu."}]}`)
	pod("g0-old", agents[1].Name, 1, `{"phase":"Running","containerStatuses":[{"state":{"terminated":{"reason":"Error","message":"old"}}}]}`)
	pod("g0-new", agents[1].Name, 2, `{"phase":"Pending","containerStatuses":[{"state":{"waiting":{"reason":"ImagePullBackOff","message":"no such image"}}}]}`)
	pod("g1", agents[2].Name, 1, `{"phase":"Running","containerStatuses":[{"state":{"running":{}}}]}`)
	pod(agents[3].Name, agents[3].Name, 1, `{"phase":"Failed","message":"The node was low on resource: memory."}`)
	pod("g2", agents[4].Name, 1, `{"phase":"Running","containerStatuses":[{"state":{"terminated":{"reason":"OOMKilled"}}}]}`)
	want := map[string]string{
		agents[0].Name: "Pod " + agents[0].Name + " is not scheduled: 0/3 nodes are available: 3 Insufficient cpu.",
		agents[1].Name: "Pod g0-new waits (ImagePullBackOff): no such image",
		agents[3].Name: "Pod " + agents[3].Name + " is Failed: The node was low on resource: memory.",
		agents[4].Name: "Pod g2 has ended (OOMKilled)",
	}
	got := (&Namespace{Name: namespace, client: s}).Why(t.Context(), p.Name)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// Every field of every printed manifest is one that its kind has.
func TestManifestsAreOfTheirKinds(t *testing.T) {
	var b bytes.Buffer
	if err := errors.Join(plan().Print(&b, namespace), place.PrintRole(&b, namespace)); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]func() any{
		"ConfigMap": func() any { return new(corev1.ConfigMap) }, "ServiceAccount": func() any { return new(corev1.ServiceAccount) },
		"Secret": func() any { return new(corev1.Secret) }, "Service": func() any { return new(corev1.Service) }, "Pod": func() any { return new(corev1.Pod) },
		"Deployment": func() any { return new(appsv1.Deployment) }, "Job": func() any { return new(batchv1.Job) }, "Role": func() any { return new(rbacv1.Role) },
	}
	loader, err := yaml.NewLoader(&b)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for {
		var content map[string]any
		if err := loader.Load(&content); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		kind, _ := content["kind"].(string)
		seen[kind] = true
		make, known := kinds[kind]
		if !known {
			t.Errorf("kind %q", kind)
			continue
		}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(asJSON(t, content), make(), true); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if len(seen) != len(kinds) {
		t.Errorf("kinds %v, want all of %d", seen, len(kinds))
	}
}

// asJSON gives numbers the types that they have after a way through JSON.
func asJSON(t *testing.T, content map[string]any) map[string]any {
	t.Helper()
	b, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(b); err != nil {
		t.Fatal(err)
	}
	return u.Object
}

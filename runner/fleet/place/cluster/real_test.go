package cluster

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"sweetspot/runner/fleet/place"
)

// TestRealServer applies a plan to a real API server with the controllers of
// Jobs, Deployments and garbage, and with no node: nothing is scheduled, no
// container runs. The Pods are bound to a node that never answers, as one that
// is lost.
func TestRealServer(t *testing.T) {
	bin := os.Getenv("SWEETSPOT_KUBE_BIN")
	if bin == "" {
		t.Skip("SWEETSPOT_KUBE_BIN names no folder with etcd, kube-apiserver and kube-controller-manager: make nightly-kubernetes")
	}
	c := startControlPlane(t, bin)
	c.prepare(t)
	n, err := Connect(c.kubeconfig(t, "placer"), "", namespace)
	if err != nil {
		t.Fatal(err)
	}
	p := plan()
	if err := n.Apply(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	t.Run("accepted as they are", func(t *testing.T) { c.accepted(t, n, p) })
	t.Run("a lost node's index is replaced", func(t *testing.T) { c.replaced(t, n, p) })
	t.Run("why", func(t *testing.T) {
		why := n.Why(t.Context(), p.Name)
		if subject := p.Agents()[0].Name; why[subject] != "Pod "+subject+" is Pending" {
			t.Errorf("of %d Pods that nothing schedules: %v", len(p.Agents()), why)
		}
	})
	t.Run("no podFailurePolicy", func(t *testing.T) { c.refusesFailurePolicy(t, p) })
	t.Run("deleting the owner leaves nothing", func(t *testing.T) {
		go c.kubelet(t.Context())
		if err := n.Remove(t.Context(), p.Name); err != nil {
			t.Error(err)
		}
		kinds := maps.Clone(resources)
		kinds["ReplicaSet"] = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}
		for kind, resource := range kinds {
			left, err := c.admin.client.Resource(resource).Namespace(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: place.Selector(p.Name)})
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range left.Items {
				t.Errorf("left: %s %s", kind, u.GetName())
			}
		}
	})
}

// accepted looks at what the server made of the plan, and applies it again.
func (c *controlPlane) accepted(t *testing.T, n *Namespace, p *place.Plan) {
	state := func() map[string]string {
		all := map[string]string{}
		for _, o := range p.Objects(namespace) {
			u := unstructured.Unstructured{Object: o.Content}
			got, err := n.of(u.GetKind()).Get(t.Context(), u.GetName(), metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			all[u.GetKind()+" "+u.GetName()] = fmt.Sprint(got.GetUID(), got.Object["spec"], got.Object["data"])
			if quality, _, _ := unstructured.NestedString(got.Object, "status", "qosClass"); u.GetKind() == "Pod" && quality != "Guaranteed" {
				t.Errorf("Pod %s is %s, want Guaranteed", u.GetName(), quality)
			}
		}
		return all
	}
	before := state()
	if err := n.Apply(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if after := state(); !maps.Equal(after, before) {
		t.Errorf("applying it again changed it:\n%v\n%v", before, after)
	}
}

// replaced binds the Pods of the first site's generators to a node without a
// kubelet and deletes one, as the eviction from a lost node does.
func (c *controlPlane) replaced(t *testing.T, n *Namespace, p *place.Plan) {
	site := p.Agents()[0].Site
	const index = "batch.kubernetes.io/job-completion-index"
	generators := func() map[string][]string {
		pods := map[string][]string{}
		list, err := n.of("Pod").List(t.Context(), metav1.ListOptions{LabelSelector: "batch.kubernetes.io/job-name=" + site + "-generators"})
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range list.Items {
			pods[u.GetLabels()[index]] = append(pods[u.GetLabels()[index]], u.GetName())
		}
		return pods
	}
	c.until(t, "both generators have a Pod", func() bool { return len(generators()["0"]) == 1 && len(generators()["1"]) == 1 })
	lost := generators()["0"][0]
	binding := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Binding", "metadata": map[string]any{"name": lost, "namespace": namespace},
		"target": map[string]any{"apiVersion": "v1", "kind": "Node", "name": "lost"},
	}}
	if _, err := c.admin.of("Pod").Create(t.Context(), binding, metav1.CreateOptions{}, "binding"); err != nil {
		t.Fatal(err)
	}
	if err := c.admin.of("Pod").Delete(t.Context(), lost, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	c.until(t, "the lost index has another Pod", func() bool { return len(generators()["0"]) == 2 })
	if pods := generators(); !slices.Contains(pods["0"], lost) || len(pods["1"]) != 1 {
		t.Errorf("Pods %v, want the lost one %s still ending, and the other index left alone", pods, lost)
	}
}

// refusesFailurePolicy shows why the plan has none.
func (c *controlPlane) refusesFailurePolicy(t *testing.T, p *place.Plan) {
	for _, o := range p.Objects(namespace) {
		u := &unstructured.Unstructured{Object: o.Content}
		if u.GetKind() != "Job" {
			continue
		}
		u.SetName("with-failure-policy")
		policy := map[string]any{"rules": []any{map[string]any{"action": "Ignore", "onPodConditions": []any{map[string]any{"type": "DisruptionTarget", "status": "True"}}}}}
		if err := unstructured.SetNestedField(u.Object, policy, "spec", "podFailurePolicy"); err != nil {
			t.Fatal(err)
		}
		_, err := c.admin.of("Job").Create(t.Context(), u, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "podReplacementPolicy") {
			t.Errorf("a Job with a podFailurePolicy and TerminatingOrFailed: %v; want that the policy is refused", err)
		}
		return
	}
}

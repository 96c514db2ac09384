// Package cluster applies a plan to a namespace of a Kubernetes cluster and
// deletes it again. It alone imports Kubernetes' client: that takes long to
// compile.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"

	"sweetspot/runner/fleet/place"
)

// Namespace is one of a cluster.
type Namespace struct {
	Name   string
	client dynamic.Interface
}

// answer is how long the API server may take for one request.
const answer = 30 * time.Second

// Connect returns a namespace of a cluster as kubectl knows it: kubeconfig is the
// file (empty: as kubectl chooses, or in a Pod its own cluster), contextName one
// of its contexts (empty: the current one), and an empty namespace that
// context's.
func Connect(kubeconfig, contextName, namespace string) (*Namespace, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	config := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: contextName})
	if namespace == "" {
		var err error
		if namespace, _, err = config.Namespace(); err != nil {
			return nil, fmt.Errorf("read the Kubernetes configuration: %w", err)
		}
	}
	rest, err := config.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("read the Kubernetes configuration: %w; name another one by --kubeconfig or --context", err)
	}
	rest.UserAgent, rest.Timeout = manager, answer
	rest.QPS, rest.Burst = 50, 100 // a plan of many sites is some hundred objects
	client, err := dynamic.NewForConfig(rest)
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	return &Namespace{Name: namespace, client: client}, nil
}

// resources are the paths of the kinds that a plan has.
var resources = map[string]schema.GroupVersionResource{
	"ConfigMap":      {Version: "v1", Resource: "configmaps"},
	"ServiceAccount": {Version: "v1", Resource: "serviceaccounts"},
	"Secret":         {Version: "v1", Resource: "secrets"},
	"Service":        {Version: "v1", Resource: "services"},
	"Pod":            {Version: "v1", Resource: "pods"},
	"Deployment":     {Group: "apps", Version: "v1", Resource: "deployments"},
	"Job":            {Group: "batch", Version: "v1", Resource: "jobs"},
}

func (n *Namespace) of(kind string) dynamic.ResourceInterface {
	return n.client.Resource(resources[kind]).Namespace(n.Name)
}

// manager is who the fields that are applied belong to.
const manager = "sweetspot"

// Apply makes a plan's objects what the plan says, the first one the owner of
// all others. What an earlier plan of that name left behind is waited for until it
// is gone. When it fails nothing is left.
func (n *Namespace) Apply(ctx context.Context, p *place.Plan) (err error) {
	objects := p.Objects(n.Name)
	there, err := n.owner(ctx, p.Name)
	if err != nil {
		return err
	}
	if there != nil && there.GetDeletionTimestamp() != nil {
		if err := n.gone(ctx, p.Name); err != nil {
			return err
		}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Remove(context.WithoutCancel(ctx), p.Name))
		}
	}()
	var owners []any
	for i, o := range objects {
		u := &unstructured.Unstructured{Object: o.Content}
		if i > 0 {
			o.Content["metadata"].(map[string]any)["ownerReferences"] = owners
		}
		done, err := n.of(u.GetKind()).Apply(ctx, u.GetName(), u, metav1.ApplyOptions{FieldManager: manager})
		if err != nil {
			return fmt.Errorf("apply %s %s: %w%s", u.GetKind(), u.GetName(), err, remedy(err))
		}
		if i == 0 {
			owners = []any{map[string]any{
				"apiVersion": done.GetAPIVersion(), "kind": done.GetKind(), "name": done.GetName(), "uid": string(done.GetUID()),
				"blockOwnerDeletion": true,
			}}
		}
	}
	return nil
}

// owner returns the owner of the plan of that name, nil where there is none. One
// that is not sweetspot's is an error.
func (n *Namespace) owner(ctx context.Context, name string) (*unstructured.Unstructured, error) {
	owner, err := n.of("ConfigMap").Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("look for ConfigMap %s: %w%s", name, err, remedy(err))
	case owner.GetLabels()["app.kubernetes.io/managed-by"] != manager:
		return nil, fmt.Errorf("ConfigMap %s in namespace %s is not sweetspot's: delete it, or use another namespace", name, n.Name)
	}
	return owner, nil
}

// removal bounds how long a deletion is waited for: Pods have 30 s to end.
const removal = 2 * time.Minute

// Remove deletes the plan of that name and waits until nothing of it is left. A
// plan that is not there is no error.
func (n *Namespace) Remove(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, removal)
	defer cancel()
	owner, err := n.owner(ctx, name)
	if owner == nil || err != nil {
		return err
	}
	foreground := metav1.DeletePropagationForeground
	err = n.of("ConfigMap").Delete(ctx, name, metav1.DeleteOptions{PropagationPolicy: &foreground})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete ConfigMap %s: %w%s; by hand: kubectl delete configmap -n %s %s", name, err, remedy(err), n.Name, name)
	}
	return n.gone(ctx, name)
}

// gone waits until an owner that is being deleted has gone, after what it owns.
func (n *Namespace) gone(ctx context.Context, name string) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := n.of("ConfigMap").Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("ConfigMap %s in namespace %s is still being deleted: %w; what it waits for: kubectl get all -n %[2]s -l %[4]s", name, n.Name, ctx.Err(), place.Selector(name))
		}
	}
}

func remedy(err error) string {
	if apierrors.IsForbidden(err) {
		return "; sweetspot engine role prints what has to be allowed"
	}
	return ""
}

package cluster

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"sweetspot/runner/fleet/place"
)

// Why says, by the name of the agent, what keeps the Pods of the plan of that
// name from running. Nothing is said of those that run.
func (n *Namespace) Why(ctx context.Context, name string) map[string]string {
	why := map[string]string{}
	pods, err := n.of("Pod").List(ctx, metav1.ListOptions{LabelSelector: place.Selector(name)})
	if err != nil {
		return why
	}
	newest := map[string]*unstructured.Unstructured{}
	for i := range pods.Items {
		pod := &pods.Items[i]
		agent := place.PodAgent(pod.GetName(), pod.GetLabels())
		if last := newest[agent]; last == nil || last.GetCreationTimestamp().Time.Before(pod.GetCreationTimestamp().Time) {
			newest[agent] = pod
		}
	}
	for agent, pod := range newest {
		if keeps := state(pod); keeps != "" {
			why[agent] = fmt.Sprintf("Pod %s %s", pod.GetName(), keeps)
		}
	}
	return why
}

// state says what keeps a Pod from running, as its status tells.
func state(pod *unstructured.Unstructured) string {
	phase, _, _ := unstructured.NestedString(pod.Object, "status", "phase")
	conditions, _, _ := unstructured.NestedSlice(pod.Object, "status", "conditions")
	for _, c := range conditions {
		c, _ := c.(map[string]any)
		if c["type"] == "PodScheduled" && c["status"] == "False" {
			return fmt.Sprintf("is not scheduled: %v", c["message"])
		}
	}
	containers, _, _ := unstructured.NestedSlice(pod.Object, "status", "containerStatuses")
	for _, c := range containers {
		c, _ := c.(map[string]any)
		for _, form := range []struct{ state, text string }{{"waiting", "waits"}, {"terminated", "has ended"}} {
			if s, ok, _ := unstructured.NestedMap(c, "state", form.state); ok {
				return describe(form.text, s)
			}
		}
	}
	if phase == "Failed" || phase == "Pending" {
		message, _, _ := unstructured.NestedString(pod.Object, "status", "message")
		return describe("is "+phase, map[string]any{"message": message})
	}
	return ""
}

// describe adds a reason and a message, where there are any.
func describe(text string, state map[string]any) string {
	if reason, _ := state["reason"].(string); reason != "" {
		text += " (" + reason + ")"
	}
	if message, _ := state["message"].(string); message != "" {
		text += ": " + message
	}
	return text
}

package place

import (
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// Object is one manifest.
type Object struct {
	Note    string         // for who reads it
	Content map[string]any // as JSON: of maps, slices, strings, booleans and int64
}

// fields are what an object, or a part of one, says.
type fields = map[string]any

// Labels of all objects of a plan. What has the instance of its name is of it.
const (
	labelInstance  = "app.kubernetes.io/instance"
	labelComponent = "app.kubernetes.io/component"
	labelSite      = "sweetspot/site"
)

// Components of a plan.
const (
	hubComponent       = "hub"
	subjectComponent   = "subject"
	generatorComponent = "generator"
)

// nobody is the user and group that all containers run as.
const nobody = int64(65532)

// Objects returns the manifests of a plan that is right, for a namespace. The
// first one is to own all the others: deleting it deletes them. Secrets are left
// out while an agent has no key.
func (p *Plan) Objects(namespace string) []Object {
	all := []Object{
		p.object("v1", "ConfigMap", p.Name, "", "", fields{"data": fields{"run": p.Run, "scenario": p.Scenario, "version": p.Version}}),
		p.object("v1", "ServiceAccount", p.Name, "", "", fields{"automountServiceAccountToken": false}),
	}
	all[0].Note = "sweetspot makes it the owner of everything below: deleting it leaves nothing."
	all[1].Note = "Pods run as it, and get no token of it: they ask the API server for nothing."
	if p.Hub == "" {
		all = append(all, p.hub()...)
	}
	keys := p.hasKeys()
	for i := range p.Sites {
		if keys {
			all = append(all, p.keys(i))
		}
		all = append(all, p.subject(i, namespace))
		if p.Generators > 0 {
			all = append(all, p.generators(i, namespace))
		}
	}
	for _, o := range all {
		o.Content["metadata"].(fields)["namespace"] = namespace
	}
	return all
}

func (p *Plan) object(version, kind, name, component, site string, content fields) Object {
	content["apiVersion"], content["kind"] = version, kind
	content["metadata"] = fields{"name": name, "labels": p.labels(component, site)}
	return Object{Content: content}
}

func (p *Plan) labels(component, site string) fields {
	l := fields{"app.kubernetes.io/name": "sweetspot", "app.kubernetes.io/managed-by": "sweetspot", labelInstance: p.Name}
	if component != "" {
		l[labelComponent] = component
	}
	if site != "" {
		l[labelSite] = site
	}
	return l
}

// hub is a hub of the plan's own. What it stores is gone with its Pod: the run
// directory is the archive.
func (p *Plan) hub() []Object {
	name, labels := p.hubName(), p.labels(hubComponent, "")
	spec := p.pod(hubComponent, Resources{CPU: 1, Memory: 512 << 20},
		[]any{"hub", "--listen", fmt.Sprintf(":%d", hubPort), "--store", "/store", "--pki", "/pki"},
		mount{"store", "/store", "", fields{"emptyDir": fields{}}},
		mount{"pki", "/pki", "", secretVolume(name, nil)})
	container := spec["containers"].([]any)[0].(fields)
	container["ports"] = []any{fields{"name": "nats", "containerPort": int64(hubPort)}}
	container["readinessProbe"] = fields{"tcpSocket": fields{"port": "nats"}, "periodSeconds": int64(5)}
	all := []Object{
		p.object("apps/v1", "Deployment", name, hubComponent, "", fields{"spec": fields{
			"replicas": int64(1),
			"strategy": fields{"type": "Recreate"},
			"selector": fields{"matchLabels": fields{labelInstance: p.Name, labelComponent: hubComponent}},
			"template": fields{"metadata": fields{"labels": labels}, "spec": spec},
		}}),
		p.object("v1", "Service", name, hubComponent, "", fields{"spec": fields{
			"type":     "ClusterIP",
			"selector": fields{labelInstance: p.Name, labelComponent: hubComponent},
			"ports":    []any{fields{"name": "nats", "port": int64(hubPort), "targetPort": "nats"}},
		}}),
	}
	if len(p.HubFiles) > 0 {
		all = slices.Insert(all, 0, p.secret(name, hubComponent, "", p.HubFiles))
	}
	return all
}

// keys is the Secret of a site: subject.pem, and N.pem of generator N.
func (p *Plan) keys(i int) Object {
	data := map[string][]byte{}
	for n, a := range p.agentsOf(i) {
		data[keyFile(n)] = p.Keys[a.Name]
	}
	return p.secret(p.site(i), "", p.site(i), data)
}

// keyFile is where a site's Secret has the key of the n-th agent, the subject
// being the first.
func keyFile(n int) string {
	if n == 0 {
		return "subject.pem"
	}
	return fmt.Sprintf("%d.pem", n-1)
}

func (p *Plan) secret(name, component, site string, files map[string][]byte) Object {
	data := fields{}
	for f, b := range files {
		data[f] = base64.StdEncoding.EncodeToString(b)
	}
	return p.object("v1", "Secret", name, component, site, fields{"type": "Opaque", "data": data})
}

// subject is the Pod whose limits are what is measured. It starts again after a
// crash of its container, and not on another node: the work of a lost site goes
// to the others.
func (p *Plan) subject(i int, namespace string) Object {
	site := p.site(i)
	only := []any{fields{"key": keyFile(0), "path": "agent.pem"}}
	spec := p.pod(subjectComponent, p.Subject, p.agentArgs(namespace), mount{"key", "/key", "", secretVolume(site, only)})
	spec["restartPolicy"] = "Always"
	spec["activeDeadlineSeconds"] = int64(p.Lifetime / time.Second)
	choose(spec, p.SubjectOn)
	o := p.object("v1", "Pod", site+"-subject", subjectComponent, site, fields{"spec": spec})
	o.Note = "Requests and limits are the same, which makes it Guaranteed: what is measured is what such a Pod sustains."
	return o
}

// crashes is how often one generator may end before its index is given up.
const crashes = int64(10)

// generators is the Job of a site's generators, each with the key of its index.
func (p *Plan) generators(i int, namespace string) Object {
	site, n := p.site(i), int64(p.Generators)
	spec := p.pod(generatorComponent, p.Generator, p.agentArgs(namespace),
		mount{"key", "/key/agent.pem", "$(JOB_COMPLETION_INDEX).pem", secretVolume(site, nil)})
	spec["restartPolicy"] = "Never" // backoffLimitPerIndex needs it
	choose(spec, p.AttackOn)
	container := spec["containers"].([]any)[0].(fields)
	container["env"] = append(container["env"].([]any), fields{"name": "JOB_COMPLETION_INDEX", "valueFrom": fields{
		"fieldRef": fields{"fieldPath": "metadata.annotations['batch.kubernetes.io/job-completion-index']"},
	}})
	o := p.object("batch/v1", "Job", site+"-generators", generatorComponent, site, fields{"spec": fields{
		"completionMode":          "Indexed",
		"completions":             n,
		"parallelism":             n,
		"podReplacementPolicy":    "TerminatingOrFailed",
		"backoffLimitPerIndex":    crashes,
		"activeDeadlineSeconds":   int64(p.Lifetime / time.Second),
		"ttlSecondsAfterFinished": int64(600),
		"template":                fields{"metadata": fields{"labels": p.labels(generatorComponent, site)}, "spec": spec},
	}})
	o.Note = "No podFailurePolicy: with one, podReplacementPolicy can only be Failed, and an index on a lost node would\n" +
		"never be replaced. A limit for each index, so that one bad node does not end the other generators."
	return o
}

// agentArgs start an agent. Its key says who it is.
func (p *Plan) agentArgs(namespace string) []any {
	return []any{"agent", "--hub", p.HubAddress(namespace), "--key", "/key/agent.pem", "--scratch", "/scratch"}
}

// mount is a volume and where a container has it.
type mount struct {
	name, path string
	sub        string // of the volume, with variables of the container; empty: all of it
	source     fields
}

// secretVolume has the files of a Secret, or some of them, readable for the
// container's group.
func secretVolume(name string, items []any) fields {
	s := fields{"secretName": name, "defaultMode": int64(0o440)}
	if items != nil {
		s["items"] = items
	}
	return fields{"secret": s}
}

// pod is the spec that all Pods share: nobody's rights, a root that cannot be
// written, a scratch that can.
func (p *Plan) pod(component string, r Resources, args []any, mounts ...mount) fields {
	if component != hubComponent {
		mounts = append(mounts, mount{"scratch", "/scratch", "", fields{"emptyDir": fields{}}})
	}
	mounts = append(mounts, mount{"tmp", "/tmp", "", fields{"emptyDir": fields{}}})
	var volumes, into []any
	for _, m := range mounts {
		volume := fields{"name": m.name}
		for k, v := range m.source {
			volume[k] = v
		}
		volumes = append(volumes, volume)
		at := fields{"name": m.name, "mountPath": m.path}
		if m.source["secret"] != nil {
			at["readOnly"] = true
		}
		if m.sub != "" {
			at["subPathExpr"] = m.sub
		}
		into = append(into, at)
	}
	spec := fields{
		"serviceAccountName":            p.Name,
		"automountServiceAccountToken":  false,
		"enableServiceLinks":            false,
		"terminationGracePeriodSeconds": int64(30),
		"affinity":                      p.affinity(component),
		"tolerations":                   tolerations(),
		"volumes":                       volumes,
		"securityContext": fields{
			"runAsNonRoot": true, "runAsUser": nobody, "runAsGroup": nobody, "fsGroup": nobody,
			"seccompProfile": fields{"type": "RuntimeDefault"},
		},
		"containers": []any{fields{
			"name":         component,
			"image":        p.Image,
			"args":         args,
			"env":          []any{fields{"name": "HOME", "value": "/tmp"}},
			"resources":    fields{"requests": r.quantities(), "limits": r.quantities()},
			"volumeMounts": into,
			"securityContext": fields{
				"allowPrivilegeEscalation": false,
				"readOnlyRootFilesystem":   true,
				"capabilities":             fields{"drop": []any{"ALL"}},
			},
		}},
	}
	if p.PullSecret != "" {
		spec["imagePullSecrets"] = []any{fields{"name": p.PullSecret}}
	}
	return spec
}

// lostAfter is how many seconds a Pod outlives the contact to its node.
const lostAfter = int64(30)

// tolerations replace Kubernetes' own ones, of 5 minutes.
func tolerations() []any {
	var all []any
	for _, key := range []string{"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"} {
		all = append(all, fields{"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": lostAfter})
	}
	return all
}

// affinity keeps agents of a plan off each other's nodes. The hub, which uses
// little, stays away where it can.
func (p *Plan) affinity(component string) fields {
	term := fields{
		"topologyKey": "kubernetes.io/hostname",
		"labelSelector": fields{
			"matchLabels": fields{labelInstance: p.Name},
			"matchExpressions": []any{fields{
				"key": labelComponent, "operator": "In", "values": []any{subjectComponent, generatorComponent},
			}},
		},
	}
	if p.Spread == Required && component != hubComponent {
		return fields{"podAntiAffinity": fields{"requiredDuringSchedulingIgnoredDuringExecution": []any{term}}}
	}
	return fields{"podAntiAffinity": fields{"preferredDuringSchedulingIgnoredDuringExecution": []any{
		fields{"weight": int64(100), "podAffinityTerm": term},
	}}}
}

// choose keeps a Pod on nodes with these labels.
func choose(spec fields, labels map[string]string) {
	if len(labels) == 0 {
		return
	}
	nodes := fields{}
	for k, v := range labels {
		nodes[k] = v
	}
	spec["nodeSelector"] = nodes
}

// Print writes a plan's manifests as YAML, for kubectl apply, and what else is
// to be done by hand then.
func (p *Plan) Print(w io.Writer, namespace string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s: sites: %d, each of 1 subject and %d generators.\n", p.Name, p.Sites, p.Generators)
	fmt.Fprintf(&b, "# Applied by hand, nothing owns the others. To delete all:\n#   kubectl delete -n %s configmaps,serviceaccounts,secrets,services,deployments,jobs,pods -l %s=%s\n", namespace, labelInstance, p.Name)
	if !p.hasKeys() {
		p.printSecrets(&b, namespace)
	}
	if err := printObjects(&b, p.Objects(namespace)); err != nil {
		return err
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func printObjects(b *strings.Builder, objects []Object) error {
	for _, o := range objects {
		text, err := yaml.Marshal(o.Content)
		if err != nil {
			return fmt.Errorf("print the manifests: %w", err)
		}
		b.WriteString("---\n")
		for line := range strings.Lines(o.Note) {
			b.WriteString("# " + strings.TrimSpace(line) + "\n")
		}
		b.Write(text)
	}
	return nil
}

// printSecrets tells how the Secrets are made that are not printed.
func (p *Plan) printSecrets(b *strings.Builder, namespace string) {
	b.WriteString("# Secrets are left out, for they hold keys. To make them:\n")
	secret := func(name string, files ...string) {
		fmt.Fprintf(b, "#   kubectl create secret generic -n %s %s", namespace, name)
		for _, f := range files {
			b.WriteString(" --from-file=" + f)
		}
		fmt.Fprintf(b, "\n#   kubectl label secret -n %s %s %s=%s\n", namespace, name, labelInstance, p.Name)
	}
	if p.Hub == "" {
		fmt.Fprintf(b, "#   sweetspot hub init --pki pki --host %s\n", strings.Join(p.HubHosts(namespace), " --host "))
		secret(p.hubName(), "pki/hub.pem")
	}
	for i := range p.Sites {
		var files []string
		for n, a := range p.agentsOf(i) {
			fmt.Fprintf(b, "#   sweetspot hub issue %s --role %s --site %s --pki pki\n", a.Name, a.Role, a.Site)
			files = append(files, fmt.Sprintf("%s=pki/%s.pem", keyFile(n), a.Name))
		}
		secret(p.site(i), files...)
	}
}

// Role is what whoever places a plan needs to be allowed in its namespace.
func Role(namespace string) Object {
	rule := func(group string, resources ...any) fields {
		return fields{"apiGroups": []any{group}, "resources": resources, "verbs": []any{"create", "delete", "get", "list", "patch"}}
	}
	return Object{
		Note: "Bind it to whoever runs sweetspot run --engine kubernetes.",
		Content: fields{
			"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
			"metadata": fields{"name": "sweetspot", "namespace": namespace},
			"rules": []any{
				rule("", "configmaps", "pods", "secrets", "serviceaccounts", "services"),
				rule("apps", "deployments"),
				rule("batch", "jobs"),
			},
		},
	}
}

// PrintRole writes it as YAML.
func PrintRole(w io.Writer, namespace string) error {
	var b strings.Builder
	if err := printObjects(&b, []Object{Role(namespace)}); err != nil {
		return err
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// PodAgent names the agent in a Pod of a plan, by the Pod's name and labels.
func PodAgent(name string, labels map[string]string) string {
	if labels[labelComponent] == generatorComponent {
		return labels[labelSite] + "-g" + labels["batch.kubernetes.io/job-completion-index"]
	}
	return name
}

// Selector selects what is of the plan of that name.
func Selector(name string) string { return labelInstance + "=" + name }

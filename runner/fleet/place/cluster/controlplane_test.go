package cluster

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"sweetspot/runner/fleet/place"
)

// controlPlane is a cluster without nodes.
type controlPlane struct {
	dir, url string
	admin    *Namespace
}

func startControlPlane(t *testing.T, bin string) *controlPlane {
	c := &controlPlane{dir: t.TempDir()}
	store, peers := "http://127.0.0.1:"+freePort(t), "http://127.0.0.1:"+freePort(t)
	c.start(t, bin, "etcd", "--data-dir", c.file("etcd"), "--unsafe-no-fsync", "--listen-client-urls", store, "--advertise-client-urls", store,
		"--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", "default="+peers)
	c.write(t, "tokens.csv", "admin,admin,1,system:masters\nplacer,placer,2\n")
	c.writeKey(t, "accounts.pem")
	port := freePort(t)
	c.url = "https://127.0.0.1:" + port
	c.start(t, bin, "kube-apiserver", "--etcd-servers", store, "--bind-address", "127.0.0.1", "--secure-port", port, "--cert-dir", c.file("certificates"),
		"--service-account-key-file", c.file("accounts.pem"), "--service-account-signing-key-file", c.file("accounts.pem"), "--service-account-issuer", c.url,
		"--service-cluster-ip-range", "10.0.0.0/24", "--authorization-mode", "RBAC", "--token-auth-file", c.file("tokens.csv"))
	var err error
	if c.admin, err = Connect(c.kubeconfig(t, "admin"), "", namespace); err != nil {
		t.Fatal(err)
	}
	c.until(t, "the API server answers", func() bool {
		_, err := c.cluster("namespaces").Get(t.Context(), "default", metav1.GetOptions{})
		return err == nil
	})
	c.start(t, bin, "kube-controller-manager", "--kubeconfig", c.kubeconfig(t, "admin"), "--leader-elect=false", "--bind-address", "127.0.0.1", "--secure-port", freePort(t),
		"--cert-dir", c.file("certificates-cm"), "--controllers", "job-controller,deployment-controller,replicaset-controller,garbage-collector-controller")
	return c
}

// prepare makes the namespace, in which only Pods without any rights may be,
// and lets the placer do there what the printed Role allows.
func (c *controlPlane) prepare(t *testing.T) {
	c.create(t, c.cluster("namespaces"), map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{
		"name": namespace, "labels": map[string]any{"pod-security.kubernetes.io/enforce": "restricted"},
	}})
	rbac := func(resource string) schema.GroupVersionResource {
		return schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: resource}
	}
	c.create(t, c.admin.client.Resource(rbac("roles")).Namespace(namespace), place.Role(namespace).Content)
	c.create(t, c.admin.client.Resource(rbac("rolebindings")).Namespace(namespace), map[string]any{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": map[string]any{"name": "placer", "namespace": namespace},
		"roleRef":  map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "sweetspot"},
		"subjects": []any{map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "placer"}},
	})
}

// kubelet ends the Pods that are told to end, as the node's would that they are
// bound to.
func (c *controlPlane) kubelet(ctx context.Context) {
	now := int64(0)
	for ctx.Err() == nil {
		list, err := c.admin.of("Pod").List(ctx, metav1.ListOptions{})
		if err != nil {
			return // the test is over
		}
		for _, u := range list.Items {
			if u.GetDeletionTimestamp() != nil {
				_ = c.admin.of("Pod").Delete(ctx, u.GetName(), metav1.DeleteOptions{GracePeriodSeconds: &now}) // or it has gone
			}
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// cluster is a resource that no namespace has.
func (c *controlPlane) cluster(resource string) dynamic.ResourceInterface {
	return c.admin.client.Resource(schema.GroupVersionResource{Version: "v1", Resource: resource})
}

func (c *controlPlane) create(t *testing.T, into dynamic.ResourceInterface, content map[string]any) {
	t.Helper()
	if _, err := into.Create(t.Context(), &unstructured.Unstructured{Object: content}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// until waits for what the control plane does by itself.
func (c *controlPlane) until(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for !done() {
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("waited in vain until %s; see the end of %s", what, c.logs())
		}
	}
}

// logs are the last lines of everything that was started.
func (c *controlPlane) logs() string {
	files, _ := filepath.Glob(c.file("*.log")) // the pattern is right
	out, _ := exec.Command("tail", append([]string{"-n", "15"}, files...)...).CombinedOutput()
	return string(out)
}

// start runs one of the binaries until the test is over.
func (c *controlPlane) start(t *testing.T, bin, name string, args ...string) {
	t.Helper()
	log, err := os.Create(c.file(name + ".log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(bin, name), args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // or it has ended
		_ = cmd.Wait()         // killed
		_ = log.Close()        // the child wrote it
	})
}

func (c *controlPlane) file(name string) string { return filepath.Join(c.dir, name) }

func (c *controlPlane) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(c.file(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// writeKey writes the key that tokens of service accounts are signed with.
func (c *controlPlane) writeKey(t *testing.T, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c.write(t, name, string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})))
}

// kubeconfig writes the configuration of one of the users and returns its file.
// The server's certificate is one that it made itself.
func (c *controlPlane) kubeconfig(t *testing.T, user string) string {
	t.Helper()
	c.write(t, user+".yaml", fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: %[1]s}}]
clusters: [{name: here, cluster: {server: %[2]q, insecure-skip-tls-verify: true}}]
users: [{name: %[1]s, user: {token: %[1]s}}]
`, user, c.url))
	return c.file(user + ".yaml")
}

// freePort is a port of the loopback that nothing listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

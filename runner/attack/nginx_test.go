package attack

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sweetspot/scenarios"
)

const nginxConf = `daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events { worker_connections 1024; }
http {
	client_body_temp_path body;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
	log_format plain '"$request" $status $server_protocol $ssl_protocol $connection';
	access_log access.log plain;
	keepalive_requests 10000000;
%s}
`

// startNginx runs server blocks in dir until stop, which returns the access
// log's lines. It returns when nginx listens on the socket.
func startNginx(t testing.TB, dir, servers, socket string) (stop func() []string) {
	t.Helper()
	path, err := exec.LookPath("nginx")
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/nginx")
	}
	if err != nil {
		if os.Getenv("SWEETSPOT_REQUIRE_STACKS") == "1" {
			t.Fatal("nginx is not installed, and SWEETSPOT_REQUIRE_STACKS is 1: apt-get install nginx-light")
		}
		t.Skip("nginx is not installed: apt-get install nginx-light")
	}
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, servers), 0o644); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.Command(path, "-e", "stderr", "-p", dir+"/", "-c", conf)
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { defer close(exited); _ = cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-exited })
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if c, err := net.Dial("unix", socket); err == nil {
			c.Close()
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("nginx does not listen: %v", err)
		}
	}
	return func() []string {
		// A single nginx process may miss a signal that comes just before it
		// waits for events.
		for quit := true; quit; {
			_ = cmd.Process.Signal(syscall.SIGQUIT)
			select {
			case <-exited:
				quit = false
			case <-time.After(100 * time.Millisecond):
			}
		}
		b, err := os.ReadFile(filepath.Join(dir, "access.log"))
		if err != nil {
			t.Fatalf("%v\n%s", err, log.String())
		}
		return strings.Split(strings.TrimSpace(string(b)), "\n")
	}
}

func TestCountsAgreeWithNginxLog(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "files"), 0o755); err != nil {
		t.Fatal(err)
	}
	body := strings.Repeat("sweetspot\n", 103)[:1024]
	if err := os.WriteFile(filepath.Join(dir, "files", "1k.txt"), []byte(body), 0o644); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "nginx.sock")
	stop := startNginx(t, dir, fmt.Sprintf("server { listen unix:%s; root files; }\n", socket), socket)
	length := int64(len(body))
	file := scenarios.Request{Name: "file", Class: scenarios.Static, Method: "GET", Path: "/1k.txt?n=",
		Expect: scenarios.Expect{Status: 200, Length: &length}}
	missing := scenarios.Request{Name: "missing", Class: scenarios.Static, Method: "GET", Path: "/none/",
		Expect: scenarios.Expect{Status: 404}}
	var sent, good, notFound uint64
	for _, s := range []Spec{
		{Arrivals: scenarios.Poisson, Rate: 500, Duration: time.Second, Seed: 1},
		{Connections: 8, Duration: time.Minute, MaxHits: 4000},
	} {
		s.Network, s.Address, s.Timeout = "unix", socket, 20*time.Second
		l := mustRun(t, s.requests(file, missing)).Load
		sent += l.Sent
		good += l.Classes[scenarios.All].Good
		notFound += l.Classes[scenarios.All].Statuses["404"]
		t.Logf("%.0f/s, lag p50 %v p99 %v, service p50 %v", l.Achieved, l.StarveLag.P50, l.StarveLag.P99, l.Classes[scenarios.Static].Service.P50)
	}
	var lines, lines404 uint64
	for _, line := range stop() {
		lines++
		if strings.Contains(line, `" 404 `) {
			lines404++
		}
	}
	if sent != lines || good != sent || notFound != lines404 {
		t.Errorf("sent %d, good %d, 404 %d; nginx logged %d, 404 %d", sent, good, notFound, lines, lines404)
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/procfs"

	"sweetspot/runner/process"
)

const (
	pagePath   = "/1k"
	pageBytes  = 1024
	statusPath = "/status"
)

// One process serves one file, logs nothing, and gives no connection up.
const nginxConf = `daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
worker_rlimit_nofile 65536;
events { worker_connections 32768; }
http {
	client_body_temp_path body;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
	access_log off;
	keepalive_requests 2000000000;
	keepalive_timeout 1h;
	server {
		listen %s backlog=4096;
		root .;
		location = /status { stub_status; }
	}
}
`

// nginx is the server that tools are driven against.
type nginx struct {
	address string
	process *process.Process
}

// startNginx starts it on a CPU. Stop its process.
func startNginx(ctx context.Context, cpu int, env []string, dir string) (*nginx, error) {
	path, err := nginxPath()
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, address), 0o644); err != nil {
		return nil, fmt.Errorf("start nginx: %w", err)
	}
	page := strings.Repeat("0123456789abcde\n", pageBytes/16)
	if err := os.WriteFile(filepath.Join(dir, pagePath), []byte(page), 0o644); err != nil {
		return nil, fmt.Errorf("start nginx: %w", err)
	}
	p, err := process.Start(ctx, process.Spec{
		Role: "nginx", Argv: []string{path, "-e", "stderr", "-p", dir + "/", "-c", conf},
		Dir: dir, Env: env, CPUs: []int{cpu}, Log: filepath.Join(dir, "nginx.log"),
	})
	if err != nil {
		return nil, err
	}
	n := &nginx{address: address, process: p}
	if err := awaitListener(ctx, address, p); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return n, nil
}

func nginxPath() (string, error) {
	for _, name := range []string{"nginx", "/usr/sbin/nginx"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no nginx: apt-get install nginx, or run .ci/install peers")
}

// nginxVersion asks nginx; empty when it does not say.
func nginxVersion(ctx context.Context) string {
	path, err := nginxPath()
	if err != nil {
		return ""
	}
	said, err := exec.CommandContext(ctx, path, "-v").CombinedOutput()
	if err != nil {
		return ""
	}
	_, version, _ := strings.Cut(strings.TrimSpace(string(said)), "nginx/")
	return version
}

// freeAddress returns a loopback address that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// awaitListener waits until a server that was started takes connections.
func awaitListener(ctx context.Context, address string, p *process.Process) error {
	deadline := time.Now().Add(30 * time.Second)
	for {
		c, err := net.Dial("tcp", address)
		if err == nil {
			return c.Close()
		}
		select {
		case <-p.Done():
			return fmt.Errorf("%w\n%s", p.Err(), p.LogTail(20))
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the server at %s does not answer: %w\n%s", address, err, p.LogTail(20))
		}
	}
}

var statusCounts = regexp.MustCompile(`\n (\d+) (\d+) (\d+) \n`)

// requests returns how many requests it has served, this one not counted.
func (n *nginx) requests() (uint64, error) {
	resp, err := http.Get("http://" + n.address + statusPath)
	if err != nil {
		return 0, fmt.Errorf("count of nginx: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, fmt.Errorf("count of nginx: %w", err)
	}
	total, err := parseStatus(string(text))
	return total - 1, err
}

// parseStatus reads the third count of a stub_status page: requests, with the
// one that asked.
func parseStatus(text string) (uint64, error) {
	m := statusCounts.FindStringSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("count of nginx: no stub_status page: %q", text)
	}
	return strconv.ParseUint(m[3], 10, 64)
}

// cpuSeconds returns the CPU time of a server's process so far.
func cpuSeconds(pid int) float64 {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return 0
	}
	stat, err := p.Stat()
	if err != nil {
		return 0
	}
	return stat.CPUTime()
}

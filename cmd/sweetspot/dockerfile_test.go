package main

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// instruction is one of a Dockerfile, its lines joined.
type instruction struct{ name, rest string }

func dockerfile(t *testing.T) []instruction {
	t.Helper()
	b, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	var all []instruction
	joined := ""
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		rest, goesOn := strings.CutSuffix(line, `\`)
		joined += rest
		if goesOn {
			continue
		}
		name, rest, _ := strings.Cut(joined, " ")
		all = append(all, instruction{name, strings.TrimSpace(rest)})
		joined = ""
	}
	if joined != "" {
		t.Fatalf("Dockerfile ends within an instruction: %s", joined)
	}
	return all
}

// The image is made of one distribution's packages and of the built program;
// nobody else is asked, and it does not run as root.
func TestDockerfile(t *testing.T) {
	known := map[string]int{"FROM": 1, "RUN": 1, "COPY": 1, "USER": 1, "ENV": 1, "WORKDIR": 1, "ENTRYPOINT": 1, "CMD": 1}
	counts := map[string]int{}
	rest := map[string]string{}
	for _, i := range dockerfile(t) {
		counts[i.name]++
		rest[i.name] = i.rest
		if known[i.name] == 0 {
			t.Errorf("%s %s: want one of %v only", i.name, i.rest, known)
		}
	}
	for name, n := range known {
		if counts[name] != n {
			t.Errorf("%d times %s, want %d", counts[name], name, n)
		}
	}
	if !regexp.MustCompile(`^debian:[a-z]+-slim$`).MatchString(rest["FROM"]) {
		t.Errorf("FROM %s, want a slim debian", rest["FROM"])
	}
	if rest["COPY"] != "bin/sweetspot /usr/local/bin/sweetspot" {
		t.Errorf("COPY %s, want what make build makes", rest["COPY"])
	}
	if !regexp.MustCompile(`^[1-9][0-9]*:[1-9][0-9]*$`).MatchString(rest["USER"]) {
		t.Errorf("USER %s, want numbers, which runAsNonRoot can check", rest["USER"])
	}
	if out, err := exec.CommandContext(t.Context(), "sh", "-n", "-c", rest["RUN"]).CombinedOutput(); err != nil {
		t.Errorf("RUN %s: %v\n%s", rest["RUN"], err, out)
	}
	if strings.Contains(rest["RUN"], "://") {
		t.Errorf("RUN %s names an address", rest["RUN"])
	}
	for command := range strings.SplitSeq(rest["RUN"], "&&") {
		words := strings.Fields(command)
		for len(words) > 0 && strings.Contains(words[0], "=") {
			words = words[1:]
		}
		if len(words) == 0 || !slices.Contains([]string{"printf", "chmod", "apt-get", "rm", "useradd"}, words[0]) {
			t.Errorf("RUN %s: want printf, chmod, apt-get, rm and useradd only", command)
		}
	}
}

// It has what .ci/install installs for the built-in scenarios.
func TestDockerfilePackages(t *testing.T) {
	b, err := os.ReadFile("../../.ci/install")
	if err != nil {
		t.Fatal(err)
	}
	var run string
	for _, i := range dockerfile(t) {
		if i.name == "RUN" {
			run = i.rest
		}
	}
	_, install, _ := strings.Cut(run, "--no-install-recommends")
	install, _, _ = strings.Cut(install, "&&")
	packages := strings.Fields(install)
	for _, m := range regexp.MustCompile(`(?ms)^(bench|servers)=\((.*?)\)`).FindAllStringSubmatch(string(b), -1) {
		for _, want := range strings.Fields(m[2]) {
			if !slices.Contains(packages, want) {
				t.Errorf("the image lacks %s of .ci/install %s", want, m[1])
			}
		}
	}
	if len(packages) < 10 {
		t.Errorf("packages %v", packages)
	}
}

package place

import (
	"fmt"
	"io"
	"path"
	"strings"
)

// Ways to start an agent.
const (
	ByCommand = "command" // at a prompt of the host
	BySystemd = "systemd"
	BySSH     = "ssh"
	BySlurm   = "slurm"
)

// Starts are the ways that Print knows.
var Starts = []string{ByCommand, BySystemd, BySSH, BySlurm}

// starts tells, for every way, what the text is and where it goes.
var starts = map[string]struct {
	where string // format of the agent's name
	text  func(p post, command string) string
}{
	ByCommand: {"on its host", func(_ post, command string) string { return command + "\n" }},
	BySystemd: {"/etc/systemd/system/sweetspot-%s.service on its host; then systemctl enable --now sweetspot-%[1]s", systemdUnit},
	BySSH:     {"from here; the agent ends with the line", sshLine},
	BySlurm:   {"sbatch sweetspot-%s.sbatch", slurmScript},
}

// command starts an agent on its host. All that is in it is of characters that
// neither a shell nor systemd reads in its own way: ParseInventory sees to it.
func (inv *Inventory) command(a Agent) string {
	return fmt.Sprintf("%s agent --hub %s --key %s", inv.Program, inv.Hub, path.Join(inv.Keys, a.Name+".pem"))
}

// Print writes how every agent gets its key and is started: in the way that the
// inventory says, or as start says if that is not empty.
func (inv *Inventory) Print(w io.Writer, start string) error {
	var b strings.Builder
	for _, p := range inv.posts() {
		way := starts[p.start]
		if start != "" {
			way = starts[start]
		}
		fmt.Fprintf(&b, "\n# %s\n", p.Agent)
		fmt.Fprintf(&b, "# key: sweetspot hub issue %s --role %s --site %s, then to %s there\n", p.Name, p.Role, p.Site, path.Join(inv.Keys, p.Name+".pem"))
		where := way.where
		if strings.Contains(where, "%") {
			where = fmt.Sprintf(where, p.Name)
		}
		fmt.Fprintf(&b, "# start: %s\n%s", where, way.text(p, inv.command(p.Agent)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// systemdUnit starts an agent again whenever it ends. Delegate lets it make
// control groups for what it starts, and what it started ends with it.
func systemdUnit(p post, command string) string {
	return fmt.Sprintf(`[Unit]
Description=sweetspot agent %s, %s of site %s
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStart=%s
Restart=always
RestartSec=2
Delegate=yes
LimitNOFILE=1048576
TimeoutStopSec=30

[Install]
WantedBy=multi-user.target
`, p.Name, roleWords[p.Role], p.Site, command)
}

// sshLine keeps the agent in the foreground of a terminal of its own, so that it
// hears when the line is gone.
func sshLine(p post, command string) string {
	to := p.Host
	if p.user != "" {
		to = p.user + "@" + to
	}
	return fmt.Sprintf("ssh -tt -o BatchMode=yes -o ServerAliveInterval=5 %s exec %s\n", to, command)
}

// slurmScript takes the whole host: what shares it with others is not measured.
func slurmScript(p post, command string) string {
	return fmt.Sprintf(`#!/bin/sh
#SBATCH --job-name=sweetspot-%s
#SBATCH --nodelist=%s
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --exclusive
#SBATCH --output=sweetspot-%[1]s.log
#SBATCH --signal=B:TERM@30
exec %[3]s
`, p.Name, p.Host, command)
}

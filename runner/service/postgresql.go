package service

import (
	"path/filepath"
	"syscall"
)

// createDatabase makes the database where it is missing, and prints the limit.
const createDatabase = `SELECT 'CREATE DATABASE ` + database + `' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '` + database + `') \gexec
SHOW max_connections;
`

// postgresql is as Debian installs it: fsync, synchronous_commit and
// full_page_writes stay on, because a web request waits for them in production
// too; only initdb goes without fsync. Limits are said although they are the
// defaults, because initdb lowers them on a small machine. Authentication is
// trust: nothing reaches the server but through its socket.
var postgresql = driver{
	name:     "postgresql",
	packages: "postgresql",
	user:     "postgres",
	programs: []string{"postgres", "initdb", "psql"},
	socket:   ".s.PGSQL.5432",
	lock:     "postmaster.pid",
	shutdown: syscall.SIGINT, // SIGTERM waits until the last client has gone by itself

	initialise: func(p place) []string {
		return []string{
			p.bin["initdb"], "-D", p.data, "-U", "postgres", "--auth", "trust",
			"--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync",
		}
	},
	serve: func(p place) []string {
		argv := []string{p.bin["postgres"], "-D", p.data, "-k", p.run, "-p", "5432"}
		for _, setting := range []string{
			"listen_addresses=",
			"unix_socket_permissions=0777",
			"max_connections=100",
			"shared_buffers=128MB",
			"fsync=on",
			"synchronous_commit=on",
			"full_page_writes=on",
			"logging_collector=off",
			"log_destination=stderr",
		} {
			argv = append(argv, "-c", setting)
		}
		return argv
	},
	probe: func(p place) probe {
		file := filepath.Join(p.dir, "postgresql.sql")
		return probe{
			argv: []string{
				p.bin["psql"], "-XAtq", "-v", "ON_ERROR_STOP=1", "-w",
				"-h", p.run, "-p", "5432", "-U", "postgres", "-d", "postgres", "-f", file,
			},
			files: map[string]string{filepath.Base(file): createDatabase},
		}
	},
	env: func(p place) map[string]string {
		return map[string]string{
			"DATABASE_URL": "postgresql://postgres@/" + database + "?host=" + p.run,
			"PGHOST":       p.run,
			"PGUSER":       "postgres",
			"PGDATABASE":   database,
		}
	},
}

// postgresqlFolders is where Debian keeps one folder of programs a version;
// they are not in PATH.
const postgresqlFolders = "/usr/lib/postgresql/*/bin"

package service

import (
	"path/filepath"
	"syscall"
)

const mariadbLogSize = "--innodb-log-file-size=16M" // small, because every start gets a copy of the data

// mariadb reads no option file. InnoDB flushes its log at every commit and
// writes every page twice, as in a normal installation; character set and
// collation are those that Debian configures. Its log of changes is smaller
// than the default of 96 MB. The account root has no password: nothing reaches
// the server but through its socket.
var mariadb = driver{
	name:     "mariadb",
	packages: "mariadb-server",
	user:     "mysql",
	programs: []string{"mariadbd", "mariadb-install-db", "mariadb"},
	socket:   "mysqld.sock",
	lock:     mariadbLock,
	shutdown: syscall.SIGTERM,

	initialise: func(p place) []string {
		return []string{
			p.bin["mariadb-install-db"], "--no-defaults", "--datadir=" + p.data,
			"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve", mariadbLogSize,
		}
	},
	serve: func(p place) []string {
		return []string{
			p.bin["mariadbd"], "--no-defaults", "--datadir=" + p.data,
			"--socket=" + p.socket, "--skip-networking",
			"--pid-file=" + filepath.Join(p.data, mariadbLock), "--tmpdir=" + p.run,
			"--max-connections=151",
			"--character-set-server=utf8mb4", "--collation-server=utf8mb4_general_ci",
			"--innodb-buffer-pool-size=128M", mariadbLogSize,
			"--innodb-flush-log-at-trx-commit=1", "--innodb-doublewrite=1",
		}
	},
	probe: func(p place) probe {
		return probe{argv: []string{
			p.bin["mariadb"], "--no-defaults", "--socket=" + p.socket, "--user=root",
			"--batch", "--skip-column-names",
			"--execute=CREATE DATABASE IF NOT EXISTS " + database + "; SELECT @@max_connections",
		}}
	},
	env: func(p place) map[string]string {
		return map[string]string{
			"DATABASE_URL":    "mysql://root@/" + database + "?unix_socket=" + p.socket,
			"MYSQL_UNIX_PORT": p.socket,
		}
	},
}

const mariadbLock = "mariadbd.pid"

package service

import "syscall"

// redis keeps nothing: sessions and caches of a trial end with it, and a
// snapshot in the middle of one would be measured. Its data folder stays empty.
var redis = driver{
	name:     "redis",
	packages: "redis-server",
	user:     "redis",
	programs: []string{"redis-server", "redis-cli"},
	socket:   "redis.sock",
	shutdown: syscall.SIGTERM,

	serve: func(p place) []string {
		return []string{
			p.bin["redis-server"], "--port", "0", "--unixsocket", p.socket, "--unixsocketperm", "777",
			"--dir", p.data, "--save", "", "--appendonly", "no", "--maxclients", "10000", "--daemonize", "no",
		}
	},
	probe: func(p place) probe {
		return probe{argv: []string{p.bin["redis-cli"], "-s", p.socket, "CONFIG", "GET", "maxclients"}}
	},
	env: func(p place) map[string]string {
		return map[string]string{"REDIS_URL": "unix://" + p.socket}
	},
}

package stack

import "sweetspot/scenarios"

// gunicornUvicorn returns the driver of uvicorn's worker class: gunicorn as for
// its own classes, with an event loop in every worker.
func gunicornUvicorn() server {
	srv := gunicorn("gunicorn-uvicorn", "uvicorn.workers.UvicornWorker")
	srv.interfaces, srv.modules, srv.bounded, srv.spare = onlyASGI, []string{"gunicorn", "uvicorn"}, false, 0
	srv.applies = func(s *scenarios.Scenario, cell scenarios.Cell) string {
		asgi := *s
		asgi.App.Module = asgiEntry(s)
		return plainEntry(srv.name)(&asgi, cell)
	}
	planned, won := srv.plan, srv.winner
	srv.plan = func(s site) plan {
		p := planned(s)
		for name := range p.files {
			p.files[name] += gunicornForwarded(s.cell)
		}
		return p
	}
	srv.winner = func(app *App, entry string, cell scenarios.Cell) (string, string) {
		name, content := won(app, entry, cell)
		return name, content + gunicornForwarded(cell)
	}
	return srv
}

// gunicornForwarded has uvicorn's workers believe the proxy.
func gunicornForwarded(cell scenarios.Cell) string {
	if cell.Proxy == scenarios.Direct {
		return ""
	}
	return "forwarded_allow_ips = \"*\"  # who connects over a Unix socket has no address to trust\n"
}

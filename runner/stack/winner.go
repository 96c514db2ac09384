package stack

import "sweetspot/scenarios"

// WinnerConfig returns configurations of a cell that are ready for production,
// by file name. They hold the settings that were measured, and no path of the
// run. It is empty for parts that have none, such as the embedded stack.
func WinnerConfig(app *App, cell scenarios.Cell) map[string]string {
	files := map[string]string{}
	if s, ok := findServer(cell.Server); ok && s.winner != nil {
		_, entry := s.entry(app.Interface, app.Module, app.ASGI)
		name, content := s.winner(app, entry, cell)
		files[name] = content
	}
	if p, ok := findProxy(cell.Proxy); ok && p.winner != nil {
		name, content := p.winner(app, cell)
		files[name] = content
	}
	return files
}

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// k6Script gets at the same URL again and again, and prints what was measured
// as JSON.
const k6Script = `import http from 'k6/http';
export const options = {
  discardResponseBodies: true,
  summaryTrendStats: ['p(50)', 'p(90)', 'p(99)', 'p(99.9)', 'max'],
  scenarios: { attack: %s },
};
export default function () { http.get(%q); }
export function handleSummary(data) { return { stdout: JSON.stringify(data.metrics) }; }
`

func k6Command(program string, l load, dir string) ([][]string, error) {
	scenario := map[string]any{"executor": "constant-vus", "vus": l.enough(), "duration": l.Duration.String()}
	if l.Rate > 0 {
		scenario = map[string]any{
			"executor": "constant-arrival-rate", "rate": l.Rate, "timeUnit": "1s", "duration": l.Duration.String(),
			"preAllocatedVUs": l.enough(), "maxVUs": l.enough(),
		}
	}
	text, err := json.Marshal(scenario)
	if err != nil {
		return nil, fmt.Errorf("prepare k6: %w", err)
	}
	script := filepath.Join(dir, "attack.js")
	if err := os.WriteFile(script, fmt.Appendf(nil, k6Script, text, l.url()), 0o644); err != nil {
		return nil, fmt.Errorf("prepare k6: %w", err)
	}
	return [][]string{{program, "run", "--quiet", "--no-usage-report", script}}, nil
}

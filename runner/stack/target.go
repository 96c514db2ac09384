package stack

import "sweetspot/scenarios"

// targetServer stands for a server that runs already: nothing is started, and
// nothing is known of it but what the scenario says.
var targetServer = server{
	name:    scenarios.TargetServer,
	threads: true,
	applies: func(s *scenarios.Scenario, _ scenarios.Cell) string {
		if s.Target == "" {
			return "no target is given"
		}
		return ""
	},
}

package reports

import (
	"strconv"
	"time"
)

// fleetTables are the tables of a run that a fleet made.
var fleetTables = []table{
	{"hosts", []string{"agent", "site", "role", "hostname", "os", "kernel", "arch", "cpu_model", "usable_cpus", "online_cpus", "memory_bytes", "sweetspot",
		"clock_offset_ms", "clock_bound_ms"}, hostRows},
	{"sites", []string{"site", "visits", "speed_over_mean", "speed_low", "speed_high"}, siteRows},
	{"placed", []string{"trial", "site", "subject", "visit", "number_in_visit", "delivery", "generator", "hostname", "shard", "sent",
		"lag_p50_ms", "lag_p99_ms", "lag_max_ms", "cpu_seconds", "usable_cpus", "clock_offset_ms", "clock_bound_ms"}, placedRows},
}

func hostRows(m *model) (rows [][]string) {
	for _, h := range m.Hosts {
		rows = append(rows, []string{csvSafe(h.Agent), csvSafe(h.Site), csvSafe(h.Role), csvSafe(h.Host.Hostname), csvSafe(h.Host.OS), csvSafe(h.Host.Kernel), csvSafe(h.Host.Arch), csvSafe(h.Host.CPUModel),
			strconv.Itoa(h.Host.Cores), strconv.Itoa(h.Host.MachineCPUs), csvPositive(float64(h.Host.MemoryBytes)), csvSafe(h.Version),
			csvNumber(milliseconds(h.Offset)), csvNumber(milliseconds(h.Bound))})
	}
	return rows
}

func siteRows(m *model) (rows [][]string) {
	for _, s := range m.Result.Sites {
		f := csvFigure(s.Speed)
		rows = append(rows, []string{csvSafe(s.Name), strconv.Itoa(s.Visits), f.value, f.low, f.high})
	}
	return rows
}

// placedRows have a row for each generator of each trial.
func placedRows(m *model) (rows [][]string) {
	for _, t := range m.Result.Trials {
		if t.Placed == nil {
			continue
		}
		for _, g := range m.shooters(t.Trial) {
			lag := func(d time.Duration) string {
				if g.Lag.Count == 0 {
					return ""
				}
				return csvNumber(milliseconds(d))
			}
			offset := ""
			if g.Bound > 0 {
				offset = csvNumber(milliseconds(g.Offset))
			}
			rows = append(rows, []string{strconv.Itoa(t.ID), csvSafe(t.Placed.Site), csvSafe(t.Placed.Agent), csvSafe(t.Placed.Visit), strconv.Itoa(t.Placed.Number), strconv.Itoa(t.Placed.Delivery),
				csvSafe(g.Agent), csvSafe(g.Hostname), strconv.Itoa(g.Shard), strconv.FormatUint(g.Sent, 10),
				lag(g.Lag.P50), lag(g.Lag.P99), lag(g.Lag.Max), csvNumber(g.CPUSeconds), csvPositive(float64(g.CPUs)), offset, csvPositive(milliseconds(g.Bound))})
		}
	}
	return rows
}

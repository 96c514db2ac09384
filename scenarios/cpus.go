package scenarios

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// MaxCPU is the highest CPU number of a list; Linux has no higher one.
const MaxCPU = 8191

var cpuRange = regexp.MustCompile(`^(0|[1-9][0-9]{0,4})(?:-(0|[1-9][0-9]{0,4}))?$`)

// ParseCPUs reads a Linux CPU list such as "0-2,5": sorted numbers without
// duplicates. The empty text gives none.
func ParseCPUs(s string) ([]int, error) {
	if s == "" {
		return nil, nil
	}
	var cpus []int
	for part := range strings.SplitSeq(s, ",") {
		m := cpuRange.FindStringSubmatch(strings.TrimSpace(part))
		if m == nil {
			return nil, misfit{s, "is not a CPU list", `write numbers and ranges, as "0-2,5"`}
		}
		first, _ := strconv.Atoi(m[1])
		last := first
		if m[2] != "" {
			last, _ = strconv.Atoi(m[2])
		}
		if last < first {
			return nil, misfit{s, "holds an empty range", "write the smaller number first"}
		}
		if last > MaxCPU {
			return nil, misfit{s, "holds a CPU that no machine has", "write numbers up to " + strconv.Itoa(MaxCPU)}
		}
		for cpu := first; cpu <= last; cpu++ {
			cpus = append(cpus, cpu)
		}
	}
	slices.Sort(cpus)
	return slices.Compact(cpus), nil
}

// CPUList writes CPU numbers as Linux does, "0-2,5"; none means any.
func CPUList(cpus []int) string {
	if len(cpus) == 0 {
		return "any"
	}
	var parts []string
	for i := 0; i < len(cpus); {
		j := i
		for j+1 < len(cpus) && cpus[j+1] == cpus[j]+1 {
			j++
		}
		if j == i {
			parts = append(parts, strconv.Itoa(cpus[i]))
		} else {
			parts = append(parts, strconv.Itoa(cpus[i])+"-"+strconv.Itoa(cpus[j]))
		}
		i = j + 1
	}
	return strings.Join(parts, ",")
}

package rundir

// AppCapacity is how many cores the application can keep busy: the CPUs that it
// may use, or the quota of its control group where that is less.
func (u Usage) AppCapacity() float64 {
	if u.Quota > 0 {
		return min(float64(u.AppCores), u.Quota)
	}
	return float64(u.AppCores)
}

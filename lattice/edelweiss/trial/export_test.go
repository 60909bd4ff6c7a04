package trial

// Operations are the plan of a workload under a seed.
func Operations(l *Workload, seed uint64) []Operation { return l.plan(seed) }

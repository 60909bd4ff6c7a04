package archtest

// Rule names what a finding is about.
type Rule string

// The rules of the determinism check.
const (
	Clock       Rule = "clock"       // wall time, timers, deadlines
	Goroutine   Rule = "goroutine"   // go statements and what starts goroutines
	Random      Rule = "random"      // sources of randomness that no seed of ours feeds
	Environment Rule = "environment" // variables, host, processors
	Socket      Rule = "socket"      // network and subprocesses
	Select      Rule = "select"      // a select that may choose between cases
	MapOrder    Rule = "maporder"    // iteration order of a map
	Annotation  Rule = "annotation"  // an anyorder comment without a reason or without a range
)

// Exception lets one file do what one rule forbids.
type Exception struct {
	File   string // path relative to the module's root, with slashes
	Rule   Rule
	Reason string // why the file may; shown nowhere but here, and never empty
}

// Exceptions is the one table of files below the outer ring that may do what the
// determinism check forbids. An exception that excuses nothing fails the check.
var Exceptions = []Exception{
	{
		File: "laws/watchdog.go", Rule: Clock,
		Reason: "under go test only: tells a merge that does not return; no other output depends on it",
	},
	{
		File: "laws/watchdog.go", Rule: Goroutine,
		Reason: "what does not return cannot be waited for; the check runs alone, and its caller waits for nothing else",
	},
	{
		File: "laws/budget.go", Rule: Clock,
		Reason: "under go test only: ends a law that takes long, and the log says after how many cases",
	},
	{
		File: "kvs/store/snapshot/parallel.go", Rule: Goroutine,
		Reason: "uploads and downloads wait for a network; only where Options.Parallel asks for it, at most that many, all ended on return",
	},
	{
		File: "kvs/store/snapshot/folder.go", Rule: Clock,
		Reason: "another process may hold a folder's lock; only on the operating system's files, and nothing but the waiting depends on it",
	},
	{
		File: "kvs/store/snapshot/s3bucket/bucket.go", Rule: Clock,
		Reason: "a network may never answer: a request has a deadline, and nothing but its error depends on it",
	},
	{
		File: "sim/campaign/watchdog.go", Rule: Clock,
		Reason: "a run that does not end is told and given up, by the clock of the wall; the outcome of one that ends does not depend on it",
	},
	{
		File: "sim/campaign/watchdog.go", Rule: Goroutine,
		Reason: "seeds run at once where Workers asks for it, and are counted in their order, so nothing depends on who is first; what does not return cannot be waited for",
	},
	{
		File: "sim/campaign/watchdog.go", Rule: Select,
		Reason: "a run has ended or is given up; where both are so at once, it hangs on the clock either way",
	},
	{
		File: "sim/wall/wall.go", Rule: Clock,
		Reason: "tells of progress and gives signs of life while runs go on; its callers let no outcome depend on it",
	},
	{
		File: "sim/wall/wall.go", Rule: Goroutine,
		Reason: "what is called meanwhile needs one of its own; it has ended when stop returns",
	},
	{
		File: "sim/wall/wall.go", Rule: Select,
		Reason: "a time is over or the caller wants no more; where both are so at once, either is right",
	},
	{
		File: "sim/standin/standin.go", Rule: Random,
		Reason: "it has the reader of crypto/rand read choices of a run while a library is called, and puts back what was there; it never reads it",
	},
	{
		File: "lattice/flow/run.go", Rule: Select,
		Reason: "a scheduler with nothing to do waits for input or for its context; either way it looks again at both",
	},
	{
		File: "lattice/edelweiss/eval/keyed.go", Rule: Random,
		Reason: "keys come from other nodes, and none may choose keys that collide; no order of entries is seen",
	},
	{
		File: "laws/internal/deep/fingerprint.go", Rule: Random,
		Reason: "a fingerprint is compared with one taken moments before in the same process, and never kept or printed",
	},
}

// Outer are the patterns of packages that meet the world and are not held to
// determinism.
var Outer = []string{"kvs/server/...", "kvs/client/...", "cmd/..."}

// Judged reports whether the package at rel, a path relative to the module, is
// held to determinism: it is below the outer ring, and no rig for tests alone,
// which like tests may measure time.
func Judged(rel string) bool {
	if room, ok := roomOf(Rooms, rel); ok && room.TestOnly {
		return false
	}
	for _, p := range Outer {
		if matches(p, rel) {
			return false
		}
	}
	return true
}

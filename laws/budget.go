package laws

import (
	"flag"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen/choice"
)

// DefaultCases is how many random cases a law is judged on by [Check], and DefaultTime
// after how long it stops where that comes first.
const (
	DefaultCases = 1000
	DefaultTime  = time.Second
)

// shrinkTime bounds how long a failing case is made smaller.
const shrinkTime = 10 * time.Second

// Cases sets the number of random cases a law, however long they take. Without it,
// [Check] judges [DefaultCases], a fifth of them under -short, and stops after
// [DefaultTime], but not before it has judged four; the flag -rapid.checks, or RAPID_CHECKS, sets another number for the
// whole test binary.
func Cases(n int) Option { return Option{func(s *settings) { s.cases = n }} }

// budget is what the check of a law may take.
type budget struct {
	seed  uint64
	cases int
	stop  func() bool // nil to go on until all cases are judged
}

// budgetOf is the budget of one law. The seed is that of the flag -rapid.seed, which
// repeats a run, and else another one each time.
func budgetOf(o settings, seed uint64) budget {
	b := budget{seed: seed, cases: o.cases}
	if b.cases > 0 {
		return b
	}
	const rapidsOwn = 100
	if n := flagValue("rapid.checks"); n != rapidsOwn && n > 0 {
		b.cases = n
	} else {
		b.cases, b.stop = DefaultCases, within(DefaultTime)
	}
	if testing.Short() {
		b.cases = max(1, b.cases/5)
	}
	return b
}

// seedOfRun is the seed of one call of Check: rapid's, which is another each time
// unless its flag is set.
func seedOfRun() uint64 {
	if seed := flagValue("rapid.seed"); seed != 0 {
		return uint64(seed)
	}
	return choice.Mix(0, rapid.Uint64().Example())>>33 + 1
}

// within returns a function that says whether a time has passed since.
func within(d time.Duration) func() bool {
	end := time.Now().Add(d)
	return func() bool { return time.Now().After(end) }
}

// flagValue returns the number that a flag of rapid is set to, 0 if there is none.
func flagValue(name string) int {
	f := flag.Lookup(name)
	if f == nil {
		return 0
	}
	n, err := strconv.ParseUint(f.Value.String(), 0, 64)
	if err != nil {
		return 0
	}
	return int(min(n, 1<<62))
}

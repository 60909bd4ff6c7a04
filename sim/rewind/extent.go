package rewind

import "fmt"

// FewestDraws is how many runs behind an estimate are worth having: with fewer even
// never and always cannot be told apart.
const FewestDraws = 5

// fewestPoints are worth having: the start, the end, and one between.
const fewestPoints = 3

// Extent is how much is asked of a tape.
type Extent struct {
	Draws   int // runs behind each estimate
	Points  int // of time
	Choices int // decisions taken away
}

// Runs is how many runs that takes.
func (e Extent) Runs() int64 {
	return int64(e.Points)*int64(e.Draws) + int64(e.Choices)*(2*int64(e.Draws)+1)
}

// Within is as much of e as so many runs have room for. Draws are cut first, down to
// [FewestDraws]; then choices and points, these down to three, of which one half of the
// room is for each. Where there is none for three points it is the zero Extent.
func (e Extent) Within(runs int64) Extent {
	if e.Draws < 1 {
		return Extent{}
	}
	for e.Draws > FewestDraws && e.Runs() > runs {
		e.Draws--
	}
	if e.Runs() <= runs {
		return e
	}
	few := min(e.Points, fewestPoints)
	draws := int64(e.Draws)
	if int64(few)*draws > runs {
		return Extent{}
	}
	e.Points = min(e.Points, max(few, int(runs/2/draws)))
	e.Choices = min(e.Choices, int((runs-int64(e.Points)*draws)/(2*draws+1)))
	return e
}

// Left says, in sentences, what of a whole extent is not asked where it is e.
func (e Extent) Left(whole Extent) []string {
	switch {
	case e == whole:
		return nil
	case e.Draws == 0:
		return []string{"How likely the failure is was not found out: the run is too long for that."}
	}
	all := []string{fmt.Sprintf("The run is long, so each likelihood is of %d runs, instead of %d.", e.Draws, whole.Draws)}
	if e.Points < whole.Points {
		all = append(all, fmt.Sprintf("For that reason it was rewound to %d points instead of %d.", e.Points, whole.Points))
	}
	if n := whole.Choices - e.Choices; n > 0 {
		all = append(all, fmt.Sprintf("%d of %d faults were not taken away one by one.", n, whole.Choices))
	}
	return all
}

// spread is whether the i-th of n is among an even spread of so many, which has the first
// and the last.
func spread(i, n, most int) bool {
	switch {
	case n <= most:
		return true
	case most < 2:
		return i < most
	}
	for k := range most {
		if k*(n-1)/(most-1) == i {
			return true
		}
	}
	return false
}

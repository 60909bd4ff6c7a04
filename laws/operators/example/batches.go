package visits

import "iter"

// Batches joins so many counts before it hands them on. It holds back those that are no
// batch yet, until the log ends.
func Batches(n int) func(iter.Seq[Counts]) iter.Seq[Counts] {
	return func(in iter.Seq[Counts]) iter.Seq[Counts] {
		return func(yield func(Counts) bool) {
			held := 0
			var batch Counts
			for c := range in {
				batch = Merge(batch, c)
				if held++; held == n {
					if !yield(batch) {
						return
					}
					held, batch = 0, nil
				}
			}
			if held > 0 {
				yield(batch)
			}
		}
	}
}

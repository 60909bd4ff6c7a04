package lifecycle

// Retry says when background work that has failed is offered again: once 2 operations of the
// engine went by, and after each failure that follows twice as many, at most maxWait. What
// failed may be the archive, which nothing in the engine tells when it is back. The zero
// value is of work that has not failed.
type Retry struct{ wait, left int }

const maxWait = 1 << 10

// Failed notes that the work has failed.
func (r *Retry) Failed() {
	r.wait = min(max(2*r.wait, 2), maxWait)
	r.left = r.wait
}

// Done notes that there is nothing left to do.
func (r *Retry) Done() { *r = Retry{} }

// Turn counts an operation, and reports that it is time to try again.
func (r *Retry) Turn() bool {
	if r.left == 0 {
		return false
	}
	r.left--
	return r.left == 0
}

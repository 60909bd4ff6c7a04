//go:build !wrong

package bookmarks

// later returns the bookmark set last; of two set at one time, the one further on.
func later(a, b Bookmark) Bookmark {
	if a.Time > b.Time || a.Time == b.Time && a.Page >= b.Page {
		return a
	}
	return b
}

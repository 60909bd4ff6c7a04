//go:build wrong

package bookmarks

// later returns the bookmark set last; of two set at one time, whichever comes
// second, so that two devices that merge each other's shelves do not agree.
func later(a, b Bookmark) Bookmark {
	if a.Time > b.Time {
		return a
	}
	return b
}

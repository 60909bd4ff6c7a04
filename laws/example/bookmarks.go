// Package bookmarks is a small program's own replicated state, as a consumer of
// joinery would have it: how far one has read in each book, on several devices.
// It is a module of its own and shows what importing joinery's laws costs: one
// test, and in go.mod nothing but joinery and rapid.
//
// Built with the tag "wrong", it has a faulty merge instead, for the laws to
// refute.
package bookmarks

// Bookmark is a page and the time it was reached, in seconds.
type Bookmark struct {
	Page int
	Time int64
}

// Shelf is a bookmark for each title.
type Shelf map[string]Bookmark

// Merge joins what two devices know: of each title the latest bookmark.
func Merge(a, b Shelf) Shelf {
	m := make(Shelf, len(a)+len(b))
	for title, mark := range a {
		m[title] = mark
	}
	for title, mark := range b {
		if old, ok := m[title]; ok {
			mark = later(old, mark)
		}
		m[title] = mark
	}
	return m
}

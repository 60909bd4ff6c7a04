package bookmarks_test

import (
	"testing"

	"example.com/bookmarks"
	"github.com/joinery-go/joinery/laws"
	"pgregory.net/rapid"
)

func drawMark(t *rapid.T) bookmarks.Bookmark {
	return bookmarks.Bookmark{Page: rapid.IntRange(1, 9).Draw(t, "page"), Time: rapid.Int64Range(0, 1).Draw(t, "time")}
}

func drawShelf(t *rapid.T) bookmarks.Shelf {
	titles := rapid.SampledFrom([]string{"Emma", "Ulysses"})
	return rapid.MapOfN(titles, rapid.Custom(drawMark), 0, 2).Draw(t, "shelf")
}

func TestMerge(t *testing.T) {
	laws.CheckMerge(t, bookmarks.Merge, rapid.Custom(drawShelf))
}

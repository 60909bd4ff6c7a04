package adopters_test

import (
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/laws"
)

// sevenths has more numbers in one container than an array holds, in no runs.
var sevenths = func() *roaring.Bitmap {
	b := roaring.New()
	for x := uint32(0); x < 65_536; x += 7 {
		b.Add(x)
	}
	return b
}()

// drawBitmap draws a bitmap with ranges and single numbers over three containers, so
// that arrays, runs and bitmaps of bits occur.
func drawBitmap(t *rapid.T) *roaring.Bitmap {
	b := roaring.New()
	for range rapid.IntRange(0, 3).Draw(t, "ranges") {
		from := uint64(rapid.Uint32Range(0, 180_000).Draw(t, "from"))
		b.AddRange(from, from+uint64(rapid.SampledFrom([]int{1, 3, 100, 5000, 70_000}).Draw(t, "length")))
	}
	for _, x := range rapid.SliceOfN(rapid.Uint32Range(0, 180_000), 0, 20).Draw(t, "numbers") {
		b.Add(x)
	}
	if rapid.Bool().Draw(t, "sevenths") {
		b.Or(sevenths)
	}
	if rapid.Bool().Draw(t, "optimised") {
		b.RunOptimize()
	}
	return b
}

func sameBitmap(a, b *roaring.Bitmap) bool { return a.Equals(b) }

var bitmapOptions = []laws.Option{
	laws.Equal(sameBitmap), laws.Clone((*roaring.Bitmap).Clone), laws.Show((*roaring.Bitmap).String),
}

func TestRoaringHolds(t *testing.T) {
	several := func(merge func(...*roaring.Bitmap) *roaring.Bitmap) func(a, b *roaring.Bitmap) *roaring.Bitmap {
		return func(a, b *roaring.Bitmap) *roaring.Bitmap { return merge(a, b) }
	}
	for name, merge := range map[string]func(a, b *roaring.Bitmap) *roaring.Bitmap{
		"Or": roaring.Or, "And": roaring.And, "FastOr": several(roaring.FastOr), "HeapOr": several(roaring.HeapOr), "FastAnd": several(roaring.FastAnd),
	} {
		t.Run(name, func(t *testing.T) {
			laws.CheckMerge(t, merge, rapid.Custom(drawBitmap), append(bitmapOptions, cases())...)
		})
	}
}

func TestRoaringXorHolds(t *testing.T) {
	laws.CheckMonoid(t, roaring.Xor, roaring.New(), rapid.Custom(drawBitmap), append(bitmapOptions, cases())...)
}

func TestRoaringInPlaceHolds(t *testing.T) {
	for name, method := range map[string]func(a, b *roaring.Bitmap){"Or": (*roaring.Bitmap).Or, "And": (*roaring.Bitmap).And} {
		t.Run(name, func(t *testing.T) {
			laws.CheckMethod(t, method, rapid.Custom(drawBitmap), append(bitmapOptions, cases())...)
		})
	}
}

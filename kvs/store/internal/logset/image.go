package logset

// image is a copy of an index that is being taken page by page while the index changes:
// it has each page as it was when the image was begun, since one that is about to change
// before its turn is copied at that moment (copy on write). The pages come in the order in
// which they are copied, each once.
type image struct {
	take func(prefix uint64, g *page)
	next uint64 // the first hash that was not looked at
}

// beginImage begins an image, whose pages take is given: the hash with which the page's keys
// begin, the other bits zero, and the page, which is valid until take returns.
func (x *Index) beginImage(take func(prefix uint64, g *page)) {
	x.epoch++
	x.image = &image{take: take}
}

// endImage gives up the image that is being taken, or ends it.
func (x *Index) endImage() { x.image = nil }

// copyPages goes on with the image, by at most n pages, and reports that it is whole.
func (x *Index) copyPages(n int) (whole bool) {
	m := x.image
	for ; n > 0; n-- {
		g := x.page(m.next)
		x.touch(g, m.next)
		last := g.prefix(m.next) | ^uint64(0)>>g.depth
		if m.next = last + 1; m.next == 0 {
			x.image = nil
			return true
		}
	}
	return false
}

// touch is called before the page of a hash changes.
func (x *Index) touch(g *page, hash uint64) {
	if x.image != nil && g.epoch != x.epoch {
		g.epoch = x.epoch
		x.image.take(g.prefix(hash), g)
	}
}

// prefix is the hash but for the bits that the page's keys do not have in common.
func (g *page) prefix(hash uint64) uint64 { return hash &^ (^uint64(0) >> g.depth) }

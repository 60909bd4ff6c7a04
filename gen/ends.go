package gen

// WithEndsOf draws as s does, and in about one tuple of ten puts one of the ends in a
// place of the tuple. A nil end is none.
func WithEndsOf[T any](s Source[T], ends ...func() T) Source[T] {
	var some []func() T
	for _, end := range ends {
		if end != nil {
			some = append(some, end)
		}
	}
	return func(d *Draw, tuple []T) {
		s(d, tuple)
		if len(some) == 0 || len(tuple) == 0 || d.ChooseRare("ends", 2, 100) == 0 {
			return
		}
		at := d.Index("ends.at", len(tuple))
		tuple[at] = some[d.Index("ends.which", len(some))]()
	}
}

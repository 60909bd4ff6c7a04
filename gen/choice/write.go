package choice

// ToBytes is a source, and what [FromBytes] needs to answer as it has answered so far: the
// bytes of a run that a fuzzing engine can begin with. Zeros at the end are left out. An
// answer that a decision does not have is made its last one.
func ToBytes(src Source) (asked Source, data func() []byte) {
	w := &byteWriter{src: src}
	return w, w.bytes
}

type byteWriter struct {
	src  Source
	data []byte
}

func (w *byteWriter) Choose(p Point) uint64 {
	if p.N <= 1 {
		return 0
	}
	v := min(w.src.Choose(p), p.N-1)
	switch {
	case p.Rare == 0:
		w.below(v, p.N)
	case v == 0:
		w.word(0, 4)
	default:
		w.word(1<<32-1, 4)
		w.below(v-1, p.N-1)
	}
	return v
}

// below is the inverse of that of a byteSource.
func (w *byteWriter) below(v, n uint64) {
	switch {
	case n <= 1:
	case n <= 1<<8:
		w.word(v, 1)
	case n <= 1<<16:
		w.word(v, 2)
	case n <= 1<<32:
		w.word(v, 4)
	default:
		w.word(v, 8)
	}
}

func (w *byteWriter) word(v uint64, size int) {
	for i := range size {
		w.data = append(w.data, byte(v>>(8*i)))
	}
}

func (w *byteWriter) bytes() []byte {
	n := len(w.data)
	for n > 0 && w.data[n-1] == 0 {
		n--
	}
	return append([]byte{}, w.data[:n]...)
}

package sim

// buffers is a pool of message payloads named by index, so that events need no
// pointers. A payload is counted once for each event that carries it.
type buffers struct {
	data [][]byte
	refs []int32
	free []int32
}

// put copies msg into the pool, with one reference, and returns its name; an
// empty payload needs none and is -1.
func (p *buffers) put(msg []byte) int32 {
	if len(msg) == 0 {
		return -1
	}
	if n := len(p.free); n > 0 {
		i := p.free[n-1]
		p.free = p.free[:n-1]
		p.data[i] = append(p.data[i][:0], msg...)
		p.refs[i] = 1
		return i
	}
	p.data = append(p.data, append([]byte(nil), msg...))
	p.refs = append(p.refs, 1)
	return int32(len(p.data) - 1)
}

// get returns payload i, valid while a reference is held.
func (p *buffers) get(i int32) []byte {
	if i < 0 {
		return nil
	}
	return p.data[i]
}

// share adds a reference to payload i.
func (p *buffers) share(i int32) {
	if i >= 0 {
		p.refs[i]++
	}
}

// release drops a reference and recycles the payload with the last one.
func (p *buffers) release(i int32) {
	if i < 0 {
		return
	}
	p.refs[i]--
	if p.refs[i] == 0 {
		p.free = append(p.free, i)
	}
}

// reset drops all references and keeps the memory.
func (p *buffers) reset() {
	p.free = p.free[:0]
	for i := range p.data {
		p.refs[i] = 0
		p.free = append(p.free, int32(i))
	}
}

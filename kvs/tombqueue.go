package kvs

// tombQueue is a queue of tombstones, first in, first out. It lies in chunks, so that neither end
// of it costs more the longer it is: an owner that is away has it grow with all that is deleted.
type tombQueue struct {
	chunks [][]tombstone // none is empty
	head   int           // of the first chunk
	count  int
}

const tombChunk = 256

// push adds one behind all others. O(1), but for a list of chunks that grows.
func (q *tombQueue) push(x tombstone) {
	if n := len(q.chunks); n == 0 || len(q.chunks[n-1]) == tombChunk {
		q.chunks = append(q.chunks, make([]tombstone, 0, 8))
	}
	last := &q.chunks[len(q.chunks)-1]
	*last = append(*last, x)
	q.count++
}

// pop takes the first one out. The queue is not empty.
func (q *tombQueue) pop() (x tombstone) {
	first := q.chunks[0]
	x, first[q.head] = first[q.head], tombstone{}
	if q.head, q.count = q.head+1, q.count-1; q.head == len(first) {
		q.chunks[0] = nil
		q.chunks, q.head = q.chunks[1:], 0
	}
	return x
}

// each visits those in the queue, in their order.
func (q *tombQueue) each(visit func(*tombstone)) {
	for at := range q.chunks {
		from := 0
		if at == 0 {
			from = q.head
		}
		for i := range q.chunks[at][from:] {
			visit(&q.chunks[at][from+i])
		}
	}
}

// clone is a copy that goes on apart from q.
func (q *tombQueue) clone() (c tombQueue) {
	q.each(func(x *tombstone) { c.push(*x) })
	return c
}

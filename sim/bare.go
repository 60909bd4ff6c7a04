package sim

// The yardstick's world: two tokens a node around a ring of five, each hop taking
// a millisecond.
const (
	bareNodes  = 5
	bareTokens = 2 * bareNodes
)

// BareLoop passes n messages around a ring of five nodes by nothing but the event
// queue of a world and a count: no network, lineage, payload or trace. It is the
// floor under every simulation, and the yardstick against which benchmarks hold
// what runs on top. It returns how many messages were handled, which is n. O(n).
func BareLoop(n int) (handled int64) {
	var q wheel
	q.reset()
	for i := range bareTokens {
		ev := q.add(Millisecond)
		ev.kind, ev.node = EventMessage, NodeID(i%bareNodes)
	}
	var ev event
	counts := [bareNodes]int64{}
	for range n {
		if !q.pop(&ev) {
			break
		}
		counts[ev.node]++
		next := q.add(ev.at + Millisecond)
		next.kind, next.node, next.from, next.key = EventMessage, (ev.node+1)%bareNodes, ev.node, ev.key+1
	}
	for _, c := range counts {
		handled += c
	}
	return handled
}

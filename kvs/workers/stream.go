package workers

import "fmt"

// burst is how many items of a stream are sent again at a tick.
const burst = 8

// address is the node at the end of a stream.
func (w *Worker) address(class Class, end uint32, sender bool) (Address, bool) {
	if sender && class == Input || !sender && class == Answered {
		return Address{SourceRole, end}, true
	}
	n, ok := w.plan.owner(end)
	return Address{WorkerRole, n}, ok
}

// push adds an item to a stream and sends it. Whoever calls it has looked for room.
func (w *Worker) push(p *partition, s Stream, body []byte) {
	box := p.out(s)
	box.items = append(box.items, item{w.version, body})
	w.sendItem(s, box, len(box.items)-1)
}

func (w *Worker) sendItem(s Stream, box *outbox, i int) {
	to, ok := w.address(s.Class, s.To, false)
	if !ok {
		return
	}
	w.send(Message{
		Kind: ItemKind, To: to, Stream: s, Version: box.items[i].version,
		Seq: box.low + uint64(i), Low: box.low, Body: box.items[i].body,
	})
}

// room reports whether a stream takes another item.
func (w *Worker) room(p *partition, s Stream) bool { return len(p.out(s).items) < w.cfg.Window }

// resend sends the first items of each stream again.
func (w *Worker) resend(p *partition) {
	for _, of := range []struct {
		class Class
		boxes []outbox
	}{{Finish, p.outFinish}, {Request, p.outRequest}, {Answered, p.outAnswer}} {
		for to := range of.boxes {
			for i := range min(len(of.boxes[to].items), burst) {
				w.sendItem(Stream{of.class, p.id, uint32(to)}, &of.boxes[to], i)
			}
		}
	}
}

// receiveItem takes the item that a stream has next, if nothing is in its way. What is not
// taken comes again.
func (w *Worker) receiveItem(m *Message) error {
	if m.Stream.Class == Answered || w.parts[m.Stream.To] == nil {
		return nil
	}
	p := w.parts[m.Stream.To]
	next := p.next(m.Stream)
	if m.Seq == *next {
		if ok, err := w.catchUp(m.Version); !ok {
			return err
		}
		taken, err := w.take(p, m)
		if err != nil || !taken {
			return err
		}
		*next++
		w.touch(p)
	}
	to, ok := w.address(m.Stream.Class, m.Stream.From, true)
	if ok {
		w.send(Message{Kind: AckKind, To: to, Version: w.version, Stream: m.Stream, Seq: *next})
	}
	return nil
}

// touch notes that a partition has changed.
func (w *Worker) touch(p *partition) { p.dirty, w.changed = true, true }

func (w *Worker) take(p *partition, m *Message) (bool, error) {
	if m.Stream.Class == Finish {
		var f finish
		if err := decode("the end of a transaction", m.Body, f.code); err != nil {
			w.trouble = err
			return false, nil
		}
		return true, w.finish(p, &f)
	}
	var r request
	err := decode("an operation", m.Body, r.code)
	if err == nil {
		err = r.check(&w.cfg)
	}
	if err != nil {
		w.trouble = fmt.Errorf("%v from %d to %d: %w", m.Stream.Class, m.Stream.From, m.Stream.To, err)
		return false, nil
	}
	return w.execute(p, &r)
}

// receiveAck drops what the receiver of a stream has taken. It took it in a version no
// later than that of the ack, and this worker drops it in none that is earlier: so no cut
// lacks an item at both ends.
func (w *Worker) receiveAck(m *Message) error {
	if m.Stream.Class == Input || w.parts[m.Stream.From] == nil {
		return nil
	}
	p := w.parts[m.Stream.From]
	if box := p.out(m.Stream); m.Seq <= box.low || m.Seq > box.high() {
		return nil
	}
	if ok, err := w.catchUp(m.Version); !ok {
		return err
	}
	if p.out(m.Stream).acknowledge(m.Seq) {
		w.touch(p)
	}
	return nil
}

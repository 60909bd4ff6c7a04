package oracle

import (
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/linearizability/history"
)

// Stamps is the oracle of what a session is shown of registers: nothing older than what it
// had written of the same one before, where it reads its writes, or read, where its reads
// are monotonic. The last writer wins, so a
// value that was seen is followed by later ones only, be they lost or not.
type Stamps struct {
	base
	seen [][]keyStamp // by session: the latest of each key
}

// keyStamp is the latest stamp that a session has seen of a register.
type keyStamp struct {
	key   string
	stamp history.Stamp
}

// Begin forgets the sessions of an earlier run.
func (o *Stamps) Begin(c Cluster) {
	o.base.Begin(c)
	for i := range o.seen {
		o.seen[i] = o.seen[i][:0]
	}
}

// Answered compares a register's stamp with the latest that the session has seen.
func (o *Stamps) Answered(a *Answer) {
	x := a.Operation
	if x.Type != history.Register || a.Recorded.Outcome != history.OK {
		return
	}
	keeps, counts := a.Level.Guarantees(), session.RYW // what is seen of it counts for later ones
	if x.Func == history.Read {
		counts = session.MR
	}
	if keeps&(session.RYW|session.MR) == 0 {
		return
	}
	now := a.Recorded.Stamp
	for len(o.seen) <= a.Session {
		o.seen = append(o.seen, nil)
	}
	for i := range o.seen[a.Session] {
		k := &o.seen[a.Session][i]
		if k.key != x.Key {
			continue
		}
		if now.Compare(k.stamp) < 0 {
			o.Fail(at("stamp", a.Node, x, "#%d of %q shows session %d the value of %v, after that of %v", x.ID, x.Key, a.Session, now, k.stamp))
		} else if keeps&counts != 0 {
			k.stamp = now
		}
		return
	}
	if keeps&counts != 0 {
		o.seen[a.Session] = append(o.seen[a.Session], keyStamp{x.Key, now})
	}
}

package sim

// EventKind says what an event is.
type EventKind uint8

// The kinds of events. Those that are exported reach the trace.
const (
	EventStart         EventKind = iota + 1 // a node starts, first or again
	EventMessage                            // a message reaches a live node
	EventTimer                              // a timer of a live node fires
	EventInput                              // an injected operation reaches a live node
	EventCompleted                          // a node's device has made something durable
	EventCrash                              // a live node stops
	EventNetwork                            // the network changes: a partition begins or heals
	EventHeal                               // all faults end
	EventNote                               // a line an actor wrote; not hashed
	evCrashTick                             // the grid point at which crashes are asked for
	evDropped                               // the moment at which a lost message would have arrived
	evNetTick                               // a moment the network asked to be called at
	evProcessFaultTick                      // the grid point at which faults of processes and clocks are asked for

	// The kinds below reach the trace too. They stand here since the number of a kind
	// is part of the trace hash.

	EventJoin   // an absent node becomes a member, see [World.Join]
	EventLeave  // a member is gone
	EventReturn // a node that left is back with what it knew
	EventWipe   // a node's device is emptied
)

var eventNames = [...]string{
	EventStart: "start", EventMessage: "msg", EventTimer: "timer", EventInput: "input",
	EventCompleted: "durable", EventCrash: "crash", EventNetwork: "net", EventHeal: "heal", EventNote: "note",
	evCrashTick: "crash-tick", evDropped: "dropped", evNetTick: "net-tick",
	evProcessFaultTick: "process-fault-tick",
	EventJoin:          "join", EventLeave: "leave", EventReturn: "return", EventWipe: "wipe",
}

// String names the kind as the text form of a trace does.
func (k EventKind) String() string {
	if int(k) < len(eventNames) && eventNames[k] != "" {
		return eventNames[k]
	}
	return "event(invalid)"
}

// event is one queued happening: 64 bytes without a pointer, so that the slab of
// pending events is one cache line each and invisible to the garbage collector.
type event struct {
	at    Time
	ord   uint64 // position in the order of scheduling; breaks ties of at
	key   Key
	aux   uint64 // timer id, operation id, device token, restart pause
	node  NodeID
	from  NodeID
	buf   int32 // payload in the buffer pool, or -1
	inc   uint32
	next  int32 // link of a bucket list or of the free list
	kind  EventKind
	held  bool // put off before
	fate  Classes
	msg   MsgKind
	extra uint16 // copy number
}

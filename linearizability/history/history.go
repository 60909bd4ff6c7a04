package history

import "math"

// Pending is the Return time of an operation that never returned.
const Pending int64 = math.MaxInt64

// Outcome says what is known of an operation's effect.
type Outcome uint8

const (
	// OK operations returned: they happened between Call and Return.
	OK Outcome = iota
	// Failed operations are known not to have happened.
	Failed
	// Unknown operations may have happened at any time after Call, or never
	// (a timeout, a crash of the client).
	Unknown
)

// Type is the type of the object an operation addresses.
type Type string

// The object types that the shipped models know.
const (
	Register Type = "register" // write, read, cas; last writer wins where replicated
	Set      Type = "set"      // add, read: grow-only
	Counter  Type = "counter"  // inc (negative amounts decrease), read

	MultiValue Type = "multi-value" // register that keeps concurrent values: write, read
	Map        Type = "map"         // write and remove of an entry, read of one or of all
	Queue      Type = "queue"       // enqueue, dequeue, drain: no lattice, for contrast

	Text Type = "text" // write, append, read: a string to whose end strings are put; empty at first
	Lock Type = "lock" // acquire, release
	Bank Type = "bank" // transfer, read of all balances, as a map
	IDs  Type = "ids"  // generate

	AppendList Type = "list" // append, read of all elements in the order of their appends

	Etcd Type = "etcd" // a whole store of etcd's robustness tests: read (a range), txn and the functions below
)

// Func is what an operation does.
type Func string

// The functions of the shipped types.
const (
	Read  Func = "read"  // Out is the value seen
	Write Func = "write" // Arg is the value written
	CAS   Func = "cas"   // Arg is List(old, new); Outcome Failed where old was not there
	Add   Func = "add"   // Arg is the element added
	Inc   Func = "inc"   // Arg is the amount, an integer

	Remove  Func = "remove"  // Arg is the element, or the key of the entry, removed
	Enqueue Func = "enqueue" // Arg is the value appended
	Dequeue Func = "dequeue" // Out is the value taken from the front, Nil where the queue was empty
	Drain   Func = "drain"   // Out is the list of the values taken, one after the other, until there was none

	Acquire  Func = "acquire"  // of the lock, by the session
	Release  Func = "release"  // of the lock, by the session
	Transfer Func = "transfer" // Arg says from which account to which one, and how much
	Generate Func = "generate" // Out is the new identifier

	Append Func = "append" // Arg is the element put at the end

	EtcdTxn        Func = "txn"         // Arg is the request, Out the response, of these and of a read
	EtcdGrant      Func = "leaseGrant"  // of a lease
	EtcdRevoke     Func = "leaseRevoke" // of a lease, which deletes the keys that have it
	EtcdCompact    Func = "compact"     // of revisions
	EtcdDefragment Func = "defragment"  // which changes nothing
	EtcdWatch      Func = "watch"       // Arg is the request, Out the list of responses
)

// Stamp orders the writes of a last-writer-wins register: by Clock, then Writer.
// The zero Stamp means unknown.
type Stamp struct {
	Clock  uint64 `json:"clock,omitempty"`
	Writer uint64 `json:"writer,omitempty"`
}

// Op is one operation of one session.
type Op struct {
	Index   int      // position in the history, from 0
	Session int      // the client process; its operations do not overlap
	Client  string   // the name of the session, where the source has names; "" otherwise
	Node    int      // the replica addressed, -1 if not known
	Type    Type     // the type of the object
	Func    Func     // what was done
	Key     string   // the object; "" where the history has a single one
	Arg     Value    // what was given
	Out     Value    // what came back (reads); Nil otherwise
	Call    int64    // invocation time, in units of the recorder
	Return  int64    // response time, >= Call, or Pending
	Outcome Outcome  // what is known of the effect
	Tag     uint64   // tagged put: its unique tag; 0 in an untagged history
	Saw     []uint64 // tagged read: tags of the puts on Key it saw, ascending; nil if untagged
	Stamp   Stamp    // register: stamp given to this write, or carried by the value read
	Txn     uint64   // the transaction it belongs to, of those of its session; 0 stands alone
}

// IsPut reports whether the operation changes its object.
func (o *Op) IsPut() bool { return o.Func != Read }

// answers reports whether the function is asked without a value, so that what stands
// where an operation ends is what came back.
func (f Func) answers() bool {
	switch f {
	case Read, Dequeue, Drain, Acquire, Release, Generate:
		return true
	}
	return false
}

// History is a recorded run.
type History struct {
	Name   string // where it came from, for messages
	Tagged bool   // puts carry tags, and reads say which they saw
	// Initial is what each register holds before its first write; Nil, which is the
	// default, means that it is absent. Nobody wrote it.
	Initial Value
	// Untimed says that Call and Return give the order of the source and nothing of
	// real time.
	Untimed bool
	Ops     []Op    // ordered by Call, ties by Index
	Fences  []int64 // settle fences: at such a time every acknowledged put had reached every replica
}

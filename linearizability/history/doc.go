// Package history is the data that checkers judge: operations with their
// intervals, what they wrote and saw, and the fences between them. It is pure
// data with codecs; it passes no verdict and knows no store. Where a format leaves
// open what something means, one reading is the default and Options have the others;
// what a decoder passed over or assumed is in its notes.
//
// # jsonl
//
// The project's own format, which holds all that a History does: a header line, one
// line an operation or fence, a footer line. The footer carries the counts, so that a
// file cut at a line boundary is told from a complete one.
//
//	{"kind":"history","version":1,"name":"seed 7","tagged":true}
//	{"kind":"op","session":0,"node":1,"type":"set","func":"add","key":"k","arg":5,"call":1,"return":4,"tag":1}
//	{"kind":"fence","at":9}
//	{"kind":"end","ops":1,"fences":1}
//
// A missing "return" is Pending, a missing "outcome" is ok, or unknown of an operation
// without a "return", a missing "node" is -1; a
// header may say what registers hold at first ("initial"). A session is a number or a
// name; sessions with a name are numbered in order of their first call, with numbers
// that no other session has. "arg" and "out" are any JSON, see Value. Lines may stand
// in any order: operations are ordered by their calls, those called at the same time
// as they stand in the file, and fences by their times. "return" may be the time of
// "call", as coarse clocks have it. Fields of other names are passed over with a note,
// unless Options.Strict makes them an error.
//
// # jepsen
//
// EDN operation maps over registers, sets, counters, queues, locks, banks and generators
// of ids, among them those of Maelstrom. The order of the entries is
// that of time; a :time that runs backwards is noted. What ends :fail did not happen,
// a :cas included; what ends :info, or not at all, may have happened at any time from
// then on. The value with which a :write, :cas, :add or :remove ends :ok is the one
// that it wrote. A read of nil found nothing there; Knossos takes it as a value that
// the client did not note, which Options.NilReads does too if asked. A value [a b] is
// a key and a value if all operations that show it have keys, see Options.Pairs. Equal
// numbers are equal however they are written, as are maps and sets; of what is
// neither, nor a string, list or truth value, the text is the value. The same maps as
// objects of JSON are read alike.
//
// A :txn is a transaction: its value is a list of [:r key value], [:w key value] and
// [:append key value], of which the one at the end counts, and what was read stands
// there. A key that is appended to is a list, of which nil is the empty one. What a
// transaction read that ended :info is not looked at. A value [key [[:r …] …]] is a
// transaction of one of Jepsen's independent keys, whose sessions are its own. A
// completion without an invocation began when its process had ended what it did before,
// at the earliest.
//
// A completion of a single operation without an invocation is an error, left out, or taken
// to have begun when its process had ended what it did before (Options.Unmatched).
//
// Instead of maps there may be lists, [process type f value] as of Knossos, or lines of
// these four, as in the history.txt of Jepsen; what stands behind the value of a line is its
// error.
//
// A :get, :put or :append of an entry with a :key is one of a text, as in the logs of a
// store of texts that ship with porcupine; what was never put there is the empty text.
//
// # porcupine-etcd
//
// The log lines of Jepsen's etcd test as they ship with porcupine: one register. A
// :cas that ends :fail found another value there.
//
// # plume, awdit
//
// Transactions over registers, as the checkers of these names read them; neither says
// anything of real time. In plume lines of one session and transaction number are one
// transaction wherever they stand, -1 marks what aborted, and 0 is the value of a
// register before its first write.
//
// # dbcop
//
// The histories of dbcop, in binary as bincode writes them, in JSON, or in the text that
// people write (.hist): transactions over registers by sessions, of which those marked as no
// success, or as not committed, aborted. 0, or in JSON a version of null, is the value of a
// register before its first write, and nothing is said of real time. In the text
//
//	// a comment
//	[x:=1 y:=2] [y==2 x:=3]
//	---
//	[x==1 z==?]!
//
// a line of dashes ends a session, := is a write, == a read, of ? that of a register which
// was not written yet, and an exclamation mark says that the transaction did not commit.
//
// # cobra, viper
//
// What a client of Cobra or of Viper logs: transactions over registers, those of one
// session, without real time. A history is several of them (Join). In cobra a value is the
// pair of the number of its write and itself. In viper an insertion and a deletion are a
// read and a write each, and a range is a read of what it returned.
//
// # etcd-robustness
//
// The operations of a client of etcd's robustness tests (operations.json) and its watches
// (watch.json), all of one object that is the whole store: requests and responses as they
// are. A history is several of them (Join).
//
// # otlp
//
// Spans of OpenTelemetry exported as JSON: an operation each, if it has the attribute
// joinery.func. Its call and return are the times of the span, in nanoseconds.
//
//	joinery.func     write, read, …: a function of the type
//	joinery.type     the type of the object; register if left out
//	joinery.key      the object
//	joinery.arg      what was given: JSON, or a text that is no JSON
//	joinery.out      what came back, likewise
//	joinery.session  who did it; service.instance.id of the resource if left out
//	joinery.outcome  ok, failed, unknown; if left out unknown of a span whose status is an error, else ok
//	joinery.txn      the number of a transaction
//	joinery.node     the number of the replica asked
package history

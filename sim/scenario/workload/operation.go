package workload

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
)

// Operation is one planned client operation. A plan is an explicit list, so that
// shrinking can leave operations out without moving the others.
type Operation struct {
	ID      uint64       // from 1, ascending in time; also the tag of a put
	At      sim.Time     // when the session issues it, or later if it is still busy
	Session int          // the client process
	Node    int          // the replica asked
	Retries []int        // the replicas asked after it, each once no answer has come from the one before
	Func    history.Func // read, write, add, inc or delete
	Type    history.Type // register, set or counter
	Key     string
	Arg     string      // value, element, or decimal amount; "" for reads
	Ack     session.Ack // when a put is answered
	Batch   uint64      // the operations of its session that it is asked for together with: all reads, or all puts; 0 is none
	Txn     uint64      // the transaction that it belongs to, of those of its session; 0 is none
	End     End         // what its session does with the transaction once it is done
	Amiss   Amiss       // what is wrong with the request; "" is nothing
}

// End is how a transaction ends. One of which no operation says so is aborted.
type End string

// What ends a transaction.
const (
	Commit End = "commit"
	Abort  End = "abort"
)

// Amiss is what is wrong with a request that a replica must refuse.
type Amiss string

// What can be wrong with a request.
const (
	NotOwner  Amiss = "owner" // a read of a replica that does not hold the key
	BadKind   Amiss = "kind"  // of a kind that no replica knows
	BadDeps   Amiss = "deps"  // with a past that no replica vouches for
	BadClock  Amiss = "clock" // with a hybrid time of a far future
	BadWait   Amiss = "wait"  // a threshold read that asks to wait for too long
	BadAmount Amiss = "arg"   // with an argument that its kind cannot read
)

// all that can be wrong, in the order in which it is drawn.
var all = []Amiss{BadKind, BadDeps, BadClock, BadWait, BadAmount, NotOwner}

// ErrPlan is wrapped by every refusal to parse an operation.
var ErrPlan = errors.New("workload: malformed operation")

// maxRetries is how many an operation may have.
const maxRetries = 8

// String writes the operation as a line that [ParseOperation] reads back; of several
// replicas each is asked once the one before has not answered, and what is wrong with a
// request stands behind an exclamation mark, after when a put is answered, and the
// transaction with its end:
//
//	12 at 35ms s3 n1 add set "k2" "e12"
//	13 at 36ms s0 n2>n2>n0 read register "r1"
//	14 at 36ms s0 n2 read register "r1" !wait
//	15 at 37ms s3 n1 add set "k2" "e15" ack w=2
//	16 at 38ms s1 n1 write register "r1" "v16" txn 3 commit
//	17 at 39ms s1 n1 delete set "a2" ""
//	18 at 40ms s1 n1 read set "a2" batch 18
//	19 at 44ms s1 n1 read register "r1" batch 18
func (o Operation) String() string {
	s := fmt.Sprintf("%d at %v s%d n%d", o.ID, o.At, o.Session, o.Node)
	for _, n := range o.Retries {
		s += ">n" + strconv.Itoa(n)
	}
	s += fmt.Sprintf(" %s %s %s", o.Func, o.Type, strconv.Quote(o.Key))
	if o.Func != history.Read {
		s += " " + strconv.Quote(o.Arg)
	}
	if o.Ack != session.AckDurable {
		s += " ack " + o.Ack.String()
	}
	if o.Batch != 0 {
		s += " batch " + strconv.FormatUint(o.Batch, 10)
	}
	if o.Txn != 0 {
		s += " txn " + strconv.FormatUint(o.Txn, 10)
	}
	if o.End != "" {
		s += " " + string(o.End)
	}
	if o.Amiss != "" {
		s += " !" + string(o.Amiss)
	}
	return s
}

// ParseOperation is the inverse of [Operation.String].
func ParseOperation(line string) (Operation, error) {
	var o Operation
	fail := func(what string) (Operation, error) { return Operation{}, fmt.Errorf("%w %q: %s", ErrPlan, line, what) }
	head := strings.SplitN(line, " ", 8)
	if len(head) < 8 || head[1] != "at" {
		return fail("want ID at TIME sSESSION nNODE[>nNODE…] FUNC TYPE KEY [ARG] [ack ACK] [batch N] [txn N [commit|abort]] [!WRONG]")
	}
	var err error
	if o.ID, err = strconv.ParseUint(head[0], 10, 64); err != nil || o.ID == 0 {
		return fail("the id is not a positive number")
	}
	at, err := time.ParseDuration(head[2])
	if err != nil || at < 0 {
		return fail("the time is not a duration")
	}
	o.At = sim.Time(at)
	if o.Session, err = numbered(head[3], "s"); err != nil {
		return fail("the session is not a number")
	}
	first, again, more := strings.Cut(head[4], ">")
	if o.Node, err = numbered(first, "n"); err != nil {
		return fail("the node is not a number")
	}
	for more {
		var next string
		next, again, more = strings.Cut(again, ">")
		n, err := numbered(next, "n")
		if err != nil || len(o.Retries) == maxRetries {
			return fail("a node asked again is not a number, or there are too many of them")
		}
		o.Retries = append(o.Retries, n)
	}
	o.Func, o.Type = history.Func(head[5]), history.Type(head[6])
	if putOf[o.Type] == "" || o.Func != history.Read && o.Func != Delete && o.Func != putOf[o.Type] {
		return fail("no such function of that type")
	}
	if what := o.parseArguments(head[7]); what != "" {
		return fail(what)
	}
	return o, nil
}

// parseArguments reads what stands behind the type, and says what is wrong with it.
func (o *Operation) parseArguments(rest string) (what string) {
	var err error
	if o.Key, rest, err = unquoteFirst(rest); err != nil {
		return "the key is not quoted"
	}
	if o.Func != history.Read {
		if o.Arg, rest, err = unquoteFirst(rest); err != nil {
			return "the argument is not quoted"
		}
	}
	if rest, err = o.parseOptions(rest); err != nil {
		return err.Error()
	}
	if wrong, ok := strings.CutPrefix(rest, "!"); ok {
		if o.Amiss = Amiss(wrong); !slices.Contains(all, o.Amiss) || !o.Amiss.fits(o.Func) {
			return fmt.Sprintf("no request can be wrong by %q, or not one of that function", wrong)
		}
		rest = ""
	}
	if rest != "" {
		return "more follows"
	}
	if o.Func == Delete && (!o.deletable() || o.Arg != "" && o.Type != history.Set) {
		return "the kind of the key has no deletes, or no part to be named"
	}
	if o.Func == history.Inc {
		if _, err := strconv.ParseInt(o.Arg, 10, 64); err != nil {
			return "the amount is not an integer"
		}
	}
	if _, err := expand(nil, o.Arg); o.Type != history.Counter && err != nil {
		return "the argument is too large"
	}
	return ""
}

// parseOptions reads when a put is answered, and the transaction, and returns the rest.
func (o *Operation) parseOptions(rest string) (string, error) {
	word := func() (w string) {
		w, rest, _ = strings.Cut(rest, " ")
		return w
	}
	var err error
	if after, ok := strings.CutPrefix(rest, "ack "); ok {
		rest = after
		if o.Ack, err = session.ParseAck(word()); err != nil || o.Ack == session.AckDurable || o.Func == history.Read {
			return rest, errors.New("no acknowledgement, or of no put")
		}
	}
	if after, ok := strings.CutPrefix(rest, "batch "); ok {
		rest = after
		if o.Batch, err = strconv.ParseUint(word(), 10, 64); err != nil || o.Batch == 0 || o.Func == Delete {
			return rest, errors.New("the batch is not a positive number, or of a delete")
		}
	}
	if after, ok := strings.CutPrefix(rest, "txn "); ok {
		rest = after
		if o.Txn, err = strconv.ParseUint(word(), 10, 64); err != nil || o.Txn == 0 {
			return rest, errors.New("the transaction is not a positive number")
		}
		if first, _, _ := strings.Cut(rest, " "); first == string(Commit) || first == string(Abort) {
			o.End = End(word())
		}
	}
	return rest, nil
}

// fits reports whether a request of that function can be wrong so.
func (a Amiss) fits(f history.Func) bool {
	switch a {
	case BadAmount:
		return f != history.Read
	case NotOwner, BadWait:
		return f == history.Read
	}
	return true
}

func numbered(s, prefix string) (int, error) {
	digits, ok := strings.CutPrefix(s, prefix)
	n, err := strconv.ParseUint(digits, 10, 31)
	if !ok || err != nil {
		return 0, ErrPlan
	}
	return int(n), nil
}

func unquoteFirst(s string) (value, rest string, err error) {
	q, err := strconv.QuotedPrefix(s)
	if err != nil {
		return "", s, err
	}
	value, err = strconv.Unquote(q)
	return value, strings.TrimPrefix(s[len(q):], " "), err
}

// Last is the operation's last replica to be asked, if none answers.
func (o *Operation) Last() int {
	if n := len(o.Retries); n > 0 {
		return o.Retries[n-1]
	}
	return o.Node
}

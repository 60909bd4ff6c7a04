package linearizability

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
)

// Small histories after those that other checkers are tested with, each with the verdict
// that its source, or the definition, has. PUBLIC.md says what was learnt from them.

// stranger is a history and the levels that it satisfies, breaks, or leaves open.
type stranger struct {
	name, text               string
	ok, broken, inconclusive string // models, separated by spaces
	read                     history.Options
}

func (s stranger) judge(t *testing.T) {
	t.Helper()
	d, err := history.DecodeWith(history.Auto, s.name, strings.NewReader(s.text), s.read)
	require.NoError(t, err, s.name)
	for want, models := range map[Status]string{OK: s.ok, Violation: s.broken, Inconclusive: s.inconclusive} {
		for model := range strings.FieldsSeq(models) {
			v, err := Judge(context.Background(), d.History, model, Budget{})
			require.NoError(t, err, "%s: %s", s.name, model)
			require.Equal(t, want, v.Status, "%s: %s: %s", s.name, model, v.Reason)
		}
	}
}

// inShort writes transactions as Jepsen does. Each word is one: what it does (a append,
// r read, w write), the register or list, and a value or, of a read list, its elements; an
// underscore is nil. A word may begin with its process and ! ? or - for what failed, is in
// doubt, or only began: "2!ax1". Processes go on from the last one, or are all new.
func inShort(words string, anew, lists bool) string {
	var b strings.Builder
	process := 0
	for n, word := range strings.Fields(words) {
		typ := "ok"
		if word[0] >= '0' && word[0] <= '9' {
			process, word = int(word[0]-'0'), word[1:]
		} else if anew {
			process = n + 10
		}
		if kind, is := map[byte]string{'!': "fail", '?': "info", '-': "invoke"}[word[0]]; is {
			typ, word = kind, word[1:]
		}
		fmt.Fprintf(&b, "%d :%s :txn [%s]\n", process, typ, microOps(word, typ != "invoke", lists))
	}
	return b.String()
}

func microOps(word string, known, lists bool) string {
	var all []string
	for i := 0; i < len(word); {
		end := i + 2
		for end < len(word) && strings.IndexByte("0123456789_", word[end]) >= 0 {
			end++
		}
		f, value := map[byte]string{'a': ":append", 'r': ":r", 'w': ":w"}[word[i]], word[i+2:end]
		switch {
		case value == "" || value == "_" || f == ":r" && !known:
			value = "nil"
		case f == ":r" && lists:
			value = "[" + strings.Join(strings.Split(value, ""), " ") + "]"
		}
		all = append(all, fmt.Sprintf("[%s :%c %s]", f, word[i+1], value))
		i = end
	}
	return strings.Join(all, " ")
}

// After elle's list_append_test and rw_register_test, by the levels as Adya has them.
func TestStrangersElle(t *testing.T) {
	t.Parallel()
	for _, c := range []stranger{
		{name: "G0", text: inShort("ax1ay1 ax2ay2 rx12ry21", false, true), broken: "read-uncommitted"},
		{name: "G1a", text: inShort("0!ax1 1rx1", false, true), ok: "read-uncommitted", broken: "pl-2 repeatable-read"},
		{name: "G1b", text: inShort("ax1ax2 rx1", false, true), ok: "read-uncommitted", broken: "pl-2"},
		{name: "G1c", text: inShort("ax1ry1 ax2ay1 rx12ry1", true, true), ok: "read-uncommitted", broken: "pl-2"},
		{name: "G-single", text: inShort("ax1ay1 ax2ry rx12", true, true), ok: "pl-2", broken: "pl-si repeatable-read"},
		{name: "G2", text: inShort("ax1ry ay1rx", true, true), ok: "pl-2 pl-si", broken: "repeatable-read serializable"},
		{name: "strong session", text: inShort("0-ax1 0ax1 1-ax2 1ax2 1-rx 1rx1 2-rx 2rx12", false, true), ok: "repeatable-read pl-si", broken: "snapshot-isolation serializable"},
		{name: "nonadjacent by process", text: inShort("0-rxrz 0rxrz1 1-ax1 1ax1 1-rz 1rz 2-az1 2az1", false, true), ok: "repeatable-read pl-si", broken: "snapshot-isolation"},
		{name: "dirty update", text: inShort("0!ax1 1?ax2 2ax3 3rx123", false, true), broken: "pl-2"},
		{name: "twice there", text: inShort("ax1ry1 ax2ay1 rx121", false, true), broken: "read-uncommitted"},
		{name: "nobody saw", text: inShort("0-ax1ay1 1-ax2ay2 2-ax3ay3 3-rx 4-ry 0ax1ay1 1ax2ay2 2ax3ay3 3rx12 4ry2", false, true), broken: "read-uncommitted"},
		{name: "nonadjacent", text: inShort("ax1 rx1ry ay1 ry1rx", true, true), ok: "pl-2", broken: "pl-si repeatable-read"},
		{name: "wr and process", text: inShort("1-rxay1 1rx1ay1 2-ry 2ry1 2-ax1 2ax1", false, true), ok: "repeatable-read", broken: "read-committed snapshot-isolation"},
		{name: "the future", text: inShort("rx1ax1", false, true), broken: "pl-2"},
		{name: "not its own", text: inShort("1-ax6rx 1ax6rx", false, true), broken: "pl-2 read-uncommitted"},
		{name: "read in doubt", text: inShort("0?ax2ry 1ax1ay1 2rx12ry1", false, true), ok: "repeatable-read serializable"},
		{name: "figure 3 of Adya, Liskov and O'Neil", text: inShort("az1ax1ay1 rx1ay2 ry12az3 rz13", true, true), ok: "strict-serializable"},
		{name: "own twice", text: inShort("0-rxax1ax2rx 0rxax1ax2rx12", false, true), ok: "strict-serializable"},

		{name: "G0 by what comes after", text: inShort("0-wx1wy2 0wx1wy2 1-wx2wy1 1wx2wy1 0-rx 0rx2 1-ry 1ry2", false, false), ok: "repeatable-read read-committed", broken: "serializable read-atomic"},
		{name: "only written", text: inShort("0wx1wy2 1wx2wy1", false, false), inconclusive: "serializable"},
		{name: "before it is written", text: inShort("wx1 rx2 rx1", false, false), broken: "pl-2"},
		{name: "initial", text: inShort("0-rxry 1-wy1wx2 1wy1wx2 0rx_ry1", false, false), ok: "pl-2", broken: "pl-si read-atomic"},
		{name: "versions in a cycle", text: inShort("0-wx1 0wx1 0-wx2 0wx2 0-rx 0rx1", false, false), ok: "repeatable-read", broken: "serializable"},
		{name: "two of one version", text: inShort("4-wz5wy1 4wz5wy1 4-rywy2 4ry1wy2 4-rywy3 4ry1wy3", false, false), ok: "pl-2", broken: "pl-si"},
		{
			name: "writes what was there at first", text: inShort("0-rxwx2 1-rxwx3 0rx2wx2 1rx2wx3", false, false),
			read: history.Options{Initial: history.Int(2)}, ok: "strict-serializable pl-si read-committed item-cut pl-2",
		},
		{name: "reads what it will write", text: inShort("0-rxwx2 1-rxwx3 0rx2wx2 1rx2wx3", false, false), broken: "pl-2"},
	} {
		c.judge(t)
	}
}

// oneAtATime writes transactions of sessions as Plume does; one session a line, transactions
// separated by bars.
func oneAtATime(sessions string) string {
	var b strings.Builder
	keys, txn := map[byte]int{}, 0
	for s, line := range strings.Split(sessions, "\n") {
		for t := range strings.SplitSeq(line, "|") {
			for op := range strings.FieldsSeq(t) {
				if _, known := keys[op[1]]; !known {
					keys[op[1]] = len(keys)
				}
				fmt.Fprintf(&b, "%c(%d,%s,%d,%d)\n", op[0], keys[op[1]], op[2:], s, txn)
			}
			txn++
		}
	}
	return b.String()
}

// After dbcop's tests of its hierarchy and of the initial version, and PolySI's of its
// verifier.
func TestStrangersCommitOrders(t *testing.T) {
	t.Parallel()
	for _, c := range []stranger{
		{name: "chain", text: oneAtATime("wx1\nrx1 wy2\nry2"), ok: "serializable"},
		{name: "seven sessions", text: oneAtATime("wx1 wa1\nrx1 wy1\nry1 wz1\nrz1 wa2\nra2 wp1\nrp1 wq1\nrq1 ra1"), ok: "read-atomic", broken: "transactional-causal"},
		{name: "not repeatable", text: oneAtATime("wx1\nwx2\nrx1 rx2"), ok: "read-committed", broken: "item-cut read-atomic"},
		{name: "fractured", text: oneAtATime("wx1 wy1\nry1 wx2 wz1\nrx1 rz1"), ok: "read-committed item-cut", broken: "read-atomic"},
		{name: "crossing", text: oneAtATime("wx1 wy1\nrx1 wx2\nry1 wy2\nrx2 ry1\nry2 rx1"), ok: "transactional-causal", broken: "prefix pl-si"},
		{name: "lost update", text: oneAtATime("wx1\nrx1 wx2\nrx1 wx3"), ok: "prefix", broken: "snapshot-isolation"},
		{name: "skew", text: oneAtATime("wx1 wy1\nrx1 wy2\nry1 wx2"), ok: "snapshot-isolation", broken: "serializable"},
		{name: "newer and older", text: oneAtATime("wx1|wx2\nrx2|rx1"), ok: "read-atomic", broken: "transactional-causal"},
		{name: "from 0", text: oneAtATime("rx0 wx1\nrx0 wx2"), ok: "transactional-causal", broken: "snapshot-isolation"},
		{name: "0 is written", text: oneAtATime("wx0\nrx0 wx1"), ok: "transactional-causal serializable read-committed"},
		{name: "0 is written and read after", text: oneAtATime("wx0\nwx1|rx1|rx0|rx1"), broken: "serializable", inconclusive: "transactional-causal"},
		{name: "three registers", text: oneAtATime("wx1 wy1 wz1\nrx1 wy2 wz2\nry1 wx2 wz3"), broken: "pl-si"},
		{name: "half of a write", text: oneAtATime("wx1|wx2 wy2\nry2 rx1"), broken: "read-committed"},
		{name: "own session", text: oneAtATime("wx1 wy1\nrx1 wy2|rx1 ry1"), broken: "snapshot-isolation"},
	} {
		c.judge(t)
	}
}

// After jepsen's checker_test, knossos' tests and examples, maelstrom's of its counter, and
// porcupine's and stateright's of registers, in the lines of a history.txt.
func TestStrangersObjects(t *testing.T) {
	t.Parallel()
	begin := history.Options{Unmatched: history.UnmatchedBegin}
	zero := history.Options{Initial: history.Int(0)}
	for _, c := range []stranger{
		{name: "dequeue begun first", text: "2 :invoke :dequeue nil\n1 :invoke :enqueue 1\n2 :ok :dequeue 1", ok: "queue linearizable"},
		{name: "all kinds of a queue", broken: "total-queue", text: "1 :invoke :enqueue :hung\n2 :invoke :enqueue :enqueued\n2 :ok :enqueue :enqueued\n3 :invoke :enqueue :dup\n" +
			"3 :ok :enqueue :dup\n4 :invoke :dequeue nil\n5 :invoke :dequeue nil\n5 :ok :dequeue :wtf\n6 :invoke :dequeue nil\n6 :ok :dequeue :dup\n7 :invoke :dequeue nil\n7 :ok :dequeue :dup"},
		{name: "rolling counter", broken: "counter", text: "0 :invoke :read nil\n1 :invoke :add 1\n0 :ok :read 0\n0 :invoke :read nil\n1 :ok :add 1\n1 :invoke :add 2\n0 :ok :read 3\n" +
			"0 :invoke :read nil\n1 :ok :add 2\n0 :ok :read 5"},
		{name: "counter that is only read", text: "0 :invoke :read nil\n0 :ok :read 1", broken: "counter"},
		{name: "counter read as a fraction", text: "0 :invoke :add 1\n0 :ok :add 1\n0 :invoke :read nil\n0 :ok :read 0.5", broken: "counter linearizable"},
		{name: "flutter", broken: "set-full", text: "0 :invoke :add 0\n0 :ok :add 0\n9 :invoke :add 1\n2 :invoke :read nil\n2 :ok :read #{1}\n9 :ok :add 1\n2 :invoke :read nil\n" +
			"3 :invoke :read nil\n3 :ok :read #{1}\n2 :ok :read #{0}"},
		{name: "absent while it is added", inconclusive: "set-full", text: "1 :invoke :read nil\n0 :invoke :add 0\n0 :ok :add 0\n1 :ok :read #{}"},
		{name: "set that is only read", text: "0 :invoke :read nil\n0 :ok :read #{1}", broken: "set g-set"},
		{name: "bank that is only read", text: "0 :invoke :read nil\n0 :ok :read {0 10, 1 0}\n0 :invoke :read nil\n0 :ok :read {0 11, 1 -1}", broken: "bank"},
		{name: "bank without a balance", text: "0 :invoke :read nil\n0 :ok :read {0 10, 1 0}\n0 :invoke :read nil\n0 :ok :read {0 10, 1 nil}", broken: "bank"},
		{name: "definite sum", read: begin, text: "0 :ok :add 2\n0 :ok :add 3\n{:process 0 :type :ok :f :read :final? true :value 5}\n{:process 0 :type :ok :f :read :final? true :value 4}", broken: "pn-counter"},
		{name: "indefinite sum", read: begin, text: "0 :ok :add 10\n1 :info :add 5\n2 :info :add -1\n3 :info :add -1\n{:process 0 :type :ok :f :read :final? true :value 8}\n" +
			"{:process 0 :type :ok :f :read :final? true :value 13}", ok: "pn-counter"},
		{name: "no such sum", read: begin, text: "0 :ok :add 10\n1 :info :add 5\n2 :info :add -1\n3 :info :add -1\n{:process 0 :type :ok :f :read :final? true :value 11}", broken: "pn-counter"},
		{name: "lists of Knossos", text: "[0 :invoke :write 1]\n[0 :ok :write 1]\n[1 :invoke :read nil]\n[1 :ok :read 2]", broken: "linearizable-register"},
		{name: "a list of lists", text: "[[0 :invoke :write 1] (0 :ok :write 1)\n [1 :invoke :read nil] [1 :ok :read 1]]", ok: "linearizable-register"},
		{name: "failed, in doubt, done", text: "1 :invoke :write 1\n2 :invoke :write 2\n3 :invoke :write 3\n3 :fail :write 3\n2 :info :write 2 :timed-out\n1 :ok :write 1\n4 :invoke :read nil\n4 :ok :read 3", broken: "linearizable-register"},
		{name: "of two registers", read: zero, text: "0 :invoke :txn [[:write :x 2] [:write :y 2]]\n1 :invoke :txn [[:read :x nil] [:read :y nil]]\n1 :ok :txn [[:read :x 0] [:read :y 2]]\n" +
			"0 :ok :txn [[:write :x 2] [:write :y 2]]", broken: "strict-serializable"},
		{name: "of two registers, values again", read: zero, ok: "strict-serializable snapshot-isolation read-committed", text: "0 :invoke :txn [[:write :x 1] [:write :y 1]]\n0 :ok :txn [[:write :x 1] [:write :y 1]]\n" +
			"1 :invoke :txn [[:read :x nil] [:write :y 0]]\n2 :invoke :txn [[:read :y nil] [:write :x 1]]\n2 :ok :txn [[:read :y 0] [:write :x 1]]\n1 :ok :txn [[:read :x 1] [:write :y 0]]"},
		{name: "both at one instant", read: zero, ok: "linearizable-register", text: sessionEach("write 100 0 100", "read 100 25 75", "read 0 30 30", "read 0 30 30")},
		{name: "not at one instant", read: zero, broken: "linearizable-register", text: sessionEach("write 200 0 100", "read 200 10 10", "read 200 10 10", "read 0 40 90")},
		{name: "never returned", read: zero, ok: "linearizable-register sequential", text: sessionEach("write 7 0", "read 0 1 2")},
		{name: "read before it was written", read: zero, ok: "sequential", broken: "linearizable-register", text: sessionEach("read 7 0 1", "write 7 2")},
	} {
		c.judge(t)
	}
}

// sessionEach is a history of one register, an operation a session: what it did, the value, its
// call, and its return unless there was none.
func sessionEach(ops ...string) string {
	var b strings.Builder
	fmt.Fprintln(&b, `{"kind":"history","version":1}`)
	for s, op := range ops {
		w := strings.Fields(op)
		value := map[string]string{"read": "out", "write": "arg"}[w[0]]
		fmt.Fprintf(&b, `{"kind":"op","session":%d,"type":"register","func":%q,"key":"k",%q:%s,"call":%s`, s, w[0], value, w[1], w[2])
		if len(w) > 3 {
			fmt.Fprintf(&b, `,"return":%s`, w[3])
		}
		fmt.Fprintln(&b, "}")
	}
	fmt.Fprintf(&b, `{"kind":"end","ops":%d,"fences":0}`+"\n", len(ops))
	return b.String()
}

// What is said of small histories as people have them: the name that others have for what is
// wrong, and a sentence about the operations that show it.
func TestStrangersAreTold(t *testing.T) {
	dbcop := `{"params":{"id":0,"n_node":2,"n_variable":2,"n_transaction":1,"n_event":2},"info":"generated","data":[
[{"events":[{"Read":{"variable":0,"version":null}},{"Write":{"variable":1,"version":1}}],"committed":true}],
[{"events":[{"Read":{"variable":1,"version":null}},{"Write":{"variable":0,"version":2}}],"committed":true}]]}`
	for _, c := range []struct {
		name, text, model string
		status            Status
		said              string
	}{
		{"a version of null", dbcop, "snapshot-isolation", OK, ""},
		{"a version of null", dbcop, "serializable", Violation, "G2-item"},
		{"a register of lin-kv", "0 :invoke :write 3\n0 :ok :write 3\n1 :invoke :cas [3 4]\n1 :ok :cas [3 4]\n0 :invoke :read nil\n0 :ok :read 3", "linearizable", Violation,
			`register "": #2 read 3 after #0 had written 3 and #1 had put 4 in the place of 3; no order of these explains that`},
		{"one more under way", "0 :invoke :write 3\n0 :ok :write 3\n2 :invoke :cas [3 5]\n1 :invoke :cas [3 4]\n1 :ok :cas [3 4]\n2 :ok :cas [3 5]", "linearizable", Violation,
			`register "": #2 put 4 in the place of 3 after #0 had written 3, beside #1, which put 5 in the place of 3; no order of these explains that`},
		{"two that append to what they read", inShort("0-rxax1 0rxax1 1-rxax2 1rxax2", false, true), "pl-si", Violation,
			`lost update: #0 read ":x" as nil, to which #1 of its transaction appended 1; #2 read the same, and #3 of its transaction appended 2: whichever came second overlooked the other one`},
		{"a text for a number", "0 :invoke :write 1\n0 :ok :write 1\n1 :invoke :read nil\n1 :ok :read \"1\"", "linearizable", Violation, "#0 wrote 1 and not \"1\": a text and a number differ"},
		{"a counter that is only added to", "0 :invoke :add 1\n0 :ok :add 1", "counter", Inconclusive, "nothing was observed"},
		{"transactions taken apart", inShort("rxwy1 rywx1", true, false), "linearizable", OK, "without its transaction"},
		{"a set of a session", "0 :invoke :add 1\n0 :ok :add 1\n0 :invoke :read nil\n0 :ok :read #{}", "lattice-ryw", Violation, "read #1 does not show 1, which its session had added before (#0)"},
		{"a set read twice", "0 :invoke :add 1\n0 :ok :add 1\n1 :invoke :read nil\n1 :ok :read #{1}\n1 :invoke :read nil\n1 :ok :read #{}", "lattice-mr", Violation, "read #2 does not show 1, which its session had read before (#1)"},
		{"a counter that came to too much", "0 :invoke :add 1\n0 :ok :add 1\n1 :invoke :read nil\n1 :ok :read 2\n0 :invoke :add 1\n0 :ok :add 1", "explained", Violation,
			`counter "": read #1 returned 2, to which no increments add up that were called until it returned`},
	} {
		h, err := history.Decode(history.Auto, c.name, strings.NewReader(c.text))
		require.NoError(t, err, c.name)
		v := mustCheck(t, h, c.model)
		require.Equal(t, c.status, v.Status, "%s: %v", c.name, v)
		require.Contains(t, v.Reason+" "+v.Hint, c.said, c.name)
	}
	for text, say := range map[string]string{
		`{"session":0,"type":"register","func":"write","key":"x","arg":1,"call":1,"return":2}`: `a file begins with {"kind":"history","version":1}`,
		"0 :invoke :add [0 1]\n0 :ok :add [0 1]\n0 :invoke :read [0 nil]\n0 :ok :read [1 2 3]": "--pairs keys or --pairs values",
	} {
		_, err := history.Decode(history.Auto, "bad", strings.NewReader(text))
		require.ErrorContains(t, err, say)
	}
}

// Whether replicas settle is not asked of a history without a fence, so that a set that is
// all right, as Jepsen and Maelstrom record them, is not called open.
func TestLevelsWithoutAFence(t *testing.T) {
	h, err := history.Decode(history.Auto, "set", strings.NewReader("0 :invoke :add 1\n0 :ok :add 1\n0 :invoke :read nil\n0 :ok :read #{1}"))
	require.NoError(t, err)
	r, err := Levels(context.Background(), h, Budget{})
	require.NoError(t, err)
	require.Equal(t, []string{"linearizable"}, r.Holds)
	require.Empty(t, r.Broken)
	require.Empty(t, r.Open)
}

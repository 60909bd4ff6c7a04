package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// edn writes a jepsen history, an entry a line: process, type, function, value.
func edn(entries ...string) string {
	var b strings.Builder
	for _, e := range entries {
		f := strings.SplitN(e, " ", 4)
		fmt.Fprintf(&b, "{:process %s, :type :%s, :f :%s, :value %s}\n", f[0], f[1], f[2], f[3])
	}
	return b.String()
}

// jsonl writes a history of these operations, given by all but their kind.
func jsonl(ops ...string) string {
	var b strings.Builder
	b.WriteString(`{"kind":"history","version":1,"tagged":false}` + "\n")
	for _, o := range ops {
		b.WriteString(`{"kind":"op",` + o + "}\n")
	}
	fmt.Fprintf(&b, `{"kind":"end","ops":%d,"fences":0}`+"\n", len(ops))
	return b.String()
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.String()
}

// Histories whose verdict hangs on how what a format leaves open is read.
var readingsOf = map[string]struct {
	format, model, text string
	flags               []string
	code                int
	out                 []string // on standard output
	err                 []string // on standard error
}{
	"a failed cas did not happen": {
		format: "jepsen", model: "cas-register", text: failedCAS, code: exitOK,
	},
	"a failed cas is a mismatch, if asked": {
		format: "jepsen", model: "cas-register", text: failedCAS, flags: []string{"--failed-cas", "mismatch"},
		code: exitViolated, out: []string{"cas [3 2] failed", "--failed-cas absent"},
	},
	"a failed cas of etcd is a mismatch": {
		format: "porcupine-etcd", model: "cas-register", text: failedEtcd, code: exitViolated,
	},
	"a failed cas of etcd is absent, if asked": {
		format: "porcupine-etcd", model: "cas-register", text: failedEtcd, flags: []string{"--failed-cas=absent"}, code: exitOK,
	},
	"a failed cas of jsonl is a mismatch": {
		format: "jsonl", model: "cas-register", code: exitViolated, text: jsonl(
			`"session":0,"type":"register","func":"write","key":"x","arg":3,"call":0,"return":1`,
			`"session":0,"type":"register","func":"cas","key":"x","arg":[3,2],"call":2,"return":3,"outcome":"failed"`),
	},

	"a write's value at its end": {
		format: "jepsen", model: "cas-register", code: exitOK, text: edn("0 invoke write nil", "0 ok write 5", "3 invoke read nil", "3 ok read 5"),
	},
	"a write's other value at its end": {
		format: "jepsen", model: "cas-register", code: exitOK, text: edn("0 invoke write 4", "0 ok write 5", "3 invoke read nil", "3 ok read 5"),
		err: []string{"line 2: the value at the end is not that at the beginning, in 1 operation"},
	},
	"a write's value at its end, of etcd": {
		format: "porcupine-etcd", model: "cas-register", code: exitOK,
		text: etcd("0 :invoke :write 4", "0 :ok :write 5", "3 :invoke :read nil", "3 :ok :read 5"),
		err:  []string{"line 2: the value at the end is not that at the beginning"},
	},
	"a cas' values at its end": {
		format: "jepsen", model: "cas-register", code: exitOK, text: edn("0 invoke cas nil", "0 ok cas [nil 5]", "3 invoke read nil", "3 ok read 5"),
	},
	"a key and a value at the end": {
		format: "jepsen", model: "cas-register", code: exitOK, text: edn(
			"0 invoke write nil", "0 ok write [1 5]", "3 invoke read [1 nil]", "3 info read nil", "4 invoke read [1 nil]", "4 ok read [1 5]"),
	},
	"a key and another value at the end": {
		format: "jepsen", model: "cas-register", code: exitOK, text: edn(
			"0 invoke write [1 4]", "0 ok write [1 5]", "4 invoke read [1 nil]", "4 ok read [1 5]"),
		err: []string{"line 2: the value at the end is not that at the beginning"},
	},
	"an element at the end of an add": {
		format: "jepsen", model: "linearizable", code: exitOK, text: edn("0 invoke add nil", "0 ok add 5", "3 invoke read nil", "3 ok read #{5}"),
	},
	"the count at the end of an increment is no amount": {
		format: "jepsen", model: "linearizable", code: exitOK, text: edn(
			"0 invoke inc 2", "0 ok inc 2", "0 invoke inc 1", "0 ok inc 3", "3 invoke read nil", "3 ok read 3"),
	},
	"a write of an unknown value explains anything": {
		format: "jepsen", model: "cas-register", code: exitFailed, text: edn(
			"0 invoke write nil", "0 ok write 5", "1 invoke write nil", "1 info write nil"),
		err: []string{"<stdin>:3:", "note the value where the operation begins"},
	},

	"a transaction resumed": {
		format: "plume", model: "read-committed", code: exitViolated, text: "w(1,1,0,0)\nw(2,1,0,1)\nw(1,2,0,0)\nr(1,1,1,2)\n",
		out: []string{"IntermediateRead: read #3 returns #0"},
	},
	"a transaction that others of its session overlap is in no order with them": {
		format: "plume", model: "transactional-causal", code: exitOK, text: "w(1,1,0,0)\nw(2,1,0,1)\nr(2,1,0,0)\nr(2,1,1,2)\n",
	},
	"its own write read, then the initial value": {
		format: "plume", model: "read-committed", code: exitViolated, text: "w(1,1,0,0)\nr(1,1,0,0)\nr(1,0,0,0)\n",
		out: []string{"NotMyOwnWrite: read #2", "--own-reads until-read"},
	},
	"its own write read, then the initial value, as Plume has it": {
		format: "plume", model: "read-committed", code: exitOK, text: "w(1,1,0,0)\nr(1,1,0,0)\nr(1,0,0,0)\n", flags: []string{"--own-reads", "until-read"},
	},
	"the same above read committed": {
		format: "plume", model: "read-atomic", code: exitViolated, text: "w(1,1,0,0)\nr(1,1,0,0)\nr(1,0,0,0)\n", flags: []string{"--own-reads", "until-read"},
	},

	"an initial value not given": {
		format: "jepsen", model: "cas-register", text: initialZero, code: exitViolated, out: []string{"which nobody wrote", "--initial 0"},
	},
	"an initial value": {
		format: "jepsen", model: "cas-register", text: initialZero, flags: []string{"--initial", "0"}, code: exitOK,
	},
	"another initial value": {
		format: "jepsen", model: "cas-register", text: initialZero, flags: []string{"--initial", "zero"}, code: exitViolated,
	},
	"an initial value of all levels": {
		format: "jepsen", model: "levels", text: initialZero, flags: []string{"--initial", "0"}, code: exitOK, out: []string{"holds   linearizable-register\n"},
	},
	"an initial value in the header": {
		format: "jsonl", model: "cc", code: exitOK, text: strings.Replace(jsonl(
			`"session":0,"type":"register","func":"read","key":"x","out":"a","call":0,"return":1`), `"tagged":false`, `"tagged":false,"initial":"a"`, 1),
	},
	"an initial value over that of plume": {
		format: "plume", model: "cc", code: exitOK, text: "r(1,7,0,0)\nw(1,0,0,1)\nr(1,0,1,2)\n", flags: []string{"--initial", "7"},
	},

	"a list as a value": {
		format: "jepsen", model: "cas-register", text: listRegister, code: exitOK,
	},
	"a list as a key and a value": {
		format: "jepsen", model: "cas-register", text: listRegister, flags: []string{"--pairs", "keys"}, code: exitViolated, out: []string{"read -> [1 2]"},
	},
	"a list that may be either": {
		format: "jepsen", model: "cas-register", text: listRegister + edn("2 invoke read [1 nil]", "2 ok read [1 2]"), code: exitFailed,
		err: []string{"<stdin>:5:", "can be read in two ways", "--pairs keys", "--pairs values"},
	},
	"a set of pairs": {
		format: "jepsen", model: "linearizable", code: exitOK, text: edn("0 invoke add [1 2]", "0 ok add [1 2]", "1 invoke read nil", "1 ok read #{[1 2]}"),
	},
	"a cas of lists": {
		format: "jepsen", model: "cas-register", code: exitOK, text: edn(
			"0 invoke write [1 2]", "0 ok write [1 2]", "0 invoke cas [[1 2] [3 4]]", "0 ok cas [[1 2] [3 4]]", "0 invoke read nil", "0 ok read [3 4]"),
	},
	"one number written in two ways": {
		format: "jepsen", model: "cas-register", code: exitOK, text: edn("0 invoke write 1.5", "0 ok write 1.5", "1 invoke read nil", "1 ok read 1.50"),
	},
	"one map written in two ways": {
		format: "jepsen", model: "cas-register", code: exitOK, text: edn(
			"0 invoke write {:a 1, :b 2.0}", "0 ok write nil", "1 invoke read nil", "1 ok read {:b 2, :a 1}"),
	},
	"what is not a number": {
		format: "jepsen", model: "cas-register", code: exitOK, text: edn("0 invoke write ##NaN", "0 ok write ##NaN", "1 invoke read nil", "1 ok read ##NaN"),
	},

	"PRAM without one order of writes": {
		format: "jsonl", model: "levels", code: exitViolated, out: []string{"holds   cm\n", "broken  ccv\n"}, text: jsonl(
			`"session":1,"type":"register","func":"write","key":"x","arg":1,"call":0,"return":1`,
			`"session":2,"type":"register","func":"write","key":"x","arg":2,"call":2,"return":3`,
			`"session":1,"type":"register","func":"read","key":"x","out":2,"call":4,"return":5`,
			`"session":2,"type":"register","func":"read","key":"x","out":1,"call":6,"return":7`),
	},
	"the last write but one read": {
		format: "jsonl", model: "levels", code: exitViolated, out: []string{"holds   mr, wfr\n", "broken  ryw\n"}, text: jsonl(
			`"session":0,"type":"register","func":"write","key":"x","arg":2,"call":0,"return":1`,
			`"session":0,"type":"register","func":"write","key":"x","arg":3,"call":2,"return":3`,
			`"session":0,"type":"register","func":"read","key":"x","out":2,"call":4,"return":5`),
	},
	"levels that a decided one implies": {
		format: "jepsen", model: "levels", code: exitOK, out: []string{"holds   linearizable-register\n"}, text: edn(
			"0 invoke write 4", "0 ok write 4", "0 invoke read nil", "0 ok read 4", "0 invoke write 4", "0 info write 4",
			"1 invoke read nil", "1 ok read 4", "1 invoke write 0", "1 info write 0", "2 invoke write 0", "2 info write 0", "3 invoke read nil", "3 ok read 0"),
	},

	"what a dequeue returned": {
		format: "jsonl", model: "linearizable", code: exitViolated, flags: []string{"--explain"},
		out: []string{`queue "q" dequeue -> 2 ok`, "q dequeue = 2"}, text: jsonl(
			`"session":0,"type":"queue","func":"enqueue","key":"q","arg":1,"call":0,"return":1`,
			`"session":0,"type":"queue","func":"enqueue","key":"q","arg":2,"call":2,"return":3`,
			`"session":1,"type":"queue","func":"dequeue","key":"q","out":2,"call":4,"return":5`),
	},
	"which entry of a map was read": {
		format: "jsonl", model: "linearizable", code: exitViolated, flags: []string{"--explain"},
		out: []string{`map "m" read "a" -> 2 ok`, `m["a"] = 2`}, text: jsonl(
			`"session":1,"type":"map","func":"read","key":"m","arg":"a","out":2,"call":4,"return":5`),
	},

	"time that runs backwards": {
		format: "jepsen", model: "cas-register", code: exitOK,
		text: "{:type :invoke, :f :read, :value nil, :process 16, :time 100143078146}\n" +
			"{:type :invoke, :f :read, :value nil, :process 11, :time 100143078065}\n" +
			"{:type :ok, :f :read, :value nil, :process 11, :time 100144663106}\n" +
			"{:type :ok, :f :read, :value nil, :process 16, :time 100144680650}\n",
		err: []string{"note: line 2: time runs backwards", "of 1 line is up to 81 before"},
	},
	"a function of no object": {
		format: "jepsen", model: "cas-register", text: mixedFunctions, code: exitFailed, err: []string{"<stdin>:3:", "--ignore start-stage"},
	},
	"a function left out": {
		format: "jepsen", model: "cas-register", text: mixedFunctions, flags: []string{"--ignore", ":start-stage"},
		code: exitOK, err: []string{"note: 1 operation start-stage left out"},
	},
	"functions left out": {
		format: "jepsen", model: "cas-register", text: mixedFunctions + edn("7 invoke drain nil", "7 info drain nil", "8 invoke drain nil"),
		flags: []string{"--ignore", "start-stage", "--ignore", "drain", "--ignore", "nothing"},
		code:  exitOK, err: []string{"1 operation start-stage left out", "2 operations drain left out", "0 operations nothing left out"},
	},
	"a function of jsonl left out": {
		format: "jsonl", model: "cc", flags: []string{"--ignore", "ping"}, code: exitOK, err: []string{"1 operation ping left out"}, text: jsonl(
			`"session":0,"type":"node","func":"ping","key":"x","call":0,"return":1`,
			`"session":0,"type":"register","func":"read","key":"x","call":2,"return":3`),
	},

	"a return at the time of the call": {
		format: "jsonl", model: "linearizable-register", code: exitOK, text: jsonl(
			`"session":0,"type":"register","func":"write","key":"x","arg":1,"call":5,"return":5`,
			`"session":1,"type":"register","func":"read","key":"x","out":1,"call":5,"return":5`),
	},
	"sessions with names": {
		format: "jsonl", model: "ryw", code: exitViolated, out: []string{"#0 client-a [5,6]", "#1 client-a [7,8]"}, text: jsonl(
			`"session":"client-a","type":"register","func":"write","key":"x","arg":1,"call":5,"return":6`,
			`"session":"client-a","type":"register","func":"read","key":"x","call":7,"return":8`),
	},
	"lines not in the order of calls": {
		format: "jsonl", model: "linearizable-register", text: unsorted, code: exitOK,
	},
	"a byte order mark": {format: "jsonl", model: "linearizable-register", text: "\ufeff" + unsorted, code: exitOK},
	"CRLF":              {format: "jsonl", model: "linearizable-register", text: strings.ReplaceAll(unsorted, "\n", "\r\n"), code: exitOK},
	"a byte order mark before EDN": {
		format: "jepsen", model: "cas-register", text: "\ufeff" + edn("0 invoke read nil", "0 ok read nil"), code: exitOK,
	},
	"floats": {
		format: "jsonl", model: "linearizable-register", code: exitOK, text: written("1.5", "1.50"),
	},
	"truth values": {
		format: "jsonl", model: "linearizable-register", code: exitOK, text: written("true", "true"),
	},
	"truth values that differ": {
		format: "jsonl", model: "linearizable-register", code: exitViolated, text: written("true", "false"), out: []string{"returned false, which nobody wrote"},
	},
	"objects": {
		format: "jsonl", model: "linearizable-register", code: exitOK, text: written(`{"a":1,"b":[null]}`, `{"b":[null],"a":1.0}`),
	},
	"a field that is not known": {
		format: "jsonl", model: "linearizable-register", code: exitOK, text: strings.ReplaceAll(unsorted, `"call"`, `"host":"n1","call"`),
		err: []string{`note: line 2: unknown field "host" passed over, in 2 records`},
	},
	"a field that is not known, strictly": {
		format: "jsonl", model: "linearizable-register", code: exitFailed, flags: []string{"--strict"},
		text: strings.ReplaceAll(unsorted, `"call"`, `"host":"n1","call"`), err: []string{"<stdin>:2:", `unknown field "host"`},
	},

	"nil after a write": {
		format: "jepsen", model: "cas-register", text: nilAfterWrite, code: exitViolated, out: []string{"read -> nil", "--nil unknown"},
	},
	"nil after a write, not known": {
		format: "jepsen", model: "cas-register", text: nilAfterWrite + edn("0 invoke read nil", "0 ok read 3"), flags: []string{"--nil", "unknown"},
		code: exitOK, err: []string{"note: line 3: 1 read of nil left out"},
	},
}

var (
	failedCAS = edn("0 invoke write 3", "0 ok write 3", "1 invoke cas [3 2]", "1 fail cas [3 2]", "0 invoke read nil", "0 ok read 3")

	failedEtcd = etcd("0 :invoke :write 3", "0 :ok :write 3", "1 :invoke :cas [3 2]", "1 :fail :cas [3 2]", "0 :invoke :read nil", "0 :ok :read 3")

	initialZero = edn("0 invoke read nil", "0 ok read 0", "0 invoke write 1", "0 ok write 1", "0 invoke read nil", "0 ok read 1")

	listRegister = edn("0 invoke write [1 2]", "0 ok write [1 2]", "1 invoke read nil", "1 ok read [1 2]")

	mixedFunctions = edn("0 invoke write 1", "0 ok write 1", "1 invoke start-stage nil", "1 ok start-stage nil", "1 invoke read nil", "1 ok read 1")

	nilAfterWrite = edn("0 invoke write 3", "0 ok write 3", "0 invoke read nil", "0 ok read nil")

	unsorted = jsonl(`"session":0,"type":"register","func":"read","key":"x","out":1,"call":7,"return":10`,
		`"session":1,"type":"register","func":"write","key":"x","arg":1,"call":5,"return":9`)
)

func etcd(events ...string) string {
	return "INFO  jepsen.util - " + strings.Join(events, "\nINFO  jepsen.util - ") + "\n"
}

// written is a value written and one read.
func written(arg, out string) string {
	return jsonl(`"session":0,"type":"register","func":"write","key":"x","arg":`+arg+`,"call":5,"return":6`,
		`"session":0,"type":"register","func":"read","key":"x","out":`+out+`,"call":7,"return":8`)
}

func TestCheckReadings(t *testing.T) {
	for name, c := range readingsOf {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"check", "--format", c.format, "--model", c.model}, c.flags...)
			for what, text := range map[string]string{"plain": c.text, "gzip": gzipped(t, c.text)} {
				code, out, errs := invoke(t, text, append(args, "-")...)
				assert.Equal(t, c.code, code, "%s: %s%s", what, out, errs)
				for _, want := range c.out {
					assert.Contains(t, out, want)
				}
				for _, want := range c.err {
					assert.Contains(t, errs, want)
				}
				if len(c.err) == 0 {
					assert.Empty(t, errs, "nothing to note")
				}
			}
		})
	}
}

// A folder is walked for compressed files too; hints and notes are there for scripts.
func TestCheckReadingsForScripts(t *testing.T) {
	dir := folder(t, "a.jsonl.gz", gzipped(t, unsorted), "b.gz", "no history", "c.jsonl", strings.ReplaceAll(unsorted, `"call"`, `"host":1,"call"`))
	code, out, errs := invoke(t, "", "check", "--model", "linearizable-register", "--json", dir)
	assert.Equal(t, exitOK, code, errs)
	var s checkSummary
	lastJSON(t, out, &s)
	assert.Equal(t, 2, s.OK)
	lines := strings.Split(out, "\n")
	var first, second verdictJSON
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &first))
	require.NoError(t, json.Unmarshal([]byte(lines[1]), &second))
	assert.Equal(t, filepath.Join(dir, "a.jsonl.gz"), first.File)
	assert.Equal(t, []string{}, first.Notes)
	assert.Equal(t, []string{`line 2: unknown field "host" passed over, in 2 records`}, second.Notes)

	_, out, _ = invoke(t, initialZero, "check", "--format", "jepsen", "--model", "cas-register", "--json", "-")
	require.NoError(t, json.Unmarshal([]byte(strings.SplitN(out, "\n", 2)[0]), &first))
	assert.Contains(t, first.Hint, "--initial 0")
}

func TestCheckReadingsRejects(t *testing.T) {
	for flag, want := range map[string]string{
		"--failed-cas=maybe": "mismatch, absent", "--nil=no": "empty, unknown", "--pairs=some": "auto, keys, values", "--own-reads=never": "always, until-read",
	} {
		code, _, errs := invoke(t, "", "check", "--model", "cc", flag, "-")
		assert.Equal(t, exitFailed, code)
		assert.Contains(t, errs, want)
	}
	for name, c := range map[string]struct{ text, want string }{
		"cut":  {gzipped(t, unsorted)[:60], "cut short: inside compressed data"},
		"torn": {strings.Replace(gzipped(t, unsorted), "\x1f\x8b\x08", "\x1f\x8b\x07", 1), "malformed history: compressed data"},
	} {
		code, _, errs := invoke(t, c.text, "check", "--model", "cc", "-")
		assert.Equal(t, exitFailed, code, name)
		assert.Contains(t, errs, c.want, name)
	}
}

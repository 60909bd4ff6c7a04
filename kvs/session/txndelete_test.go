package session_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/session"
)

// txnKinds are the shipped kinds and one that whoever wants it registers.
func txnKinds(t require.TestingT) map[string]kind.Kind {
	all := make(map[string]kind.Kind)
	for i := range kind.Default().Len() {
		k := kind.Default().At(i)
		all[k.Name()] = k
	}
	for _, s := range []kind.Spec[kind.AddWins]{kind.MultiValueSpec()} {
		k, err := kind.New(s)
		require.NoError(t, err)
		all[k.Name()] = k
	}
	fields, err := kind.New(kind.MapOf("fields", kind.AddWinsSpec()))
	require.NoError(t, err)
	all["fields"] = fields
	return all
}

// shown is what a value is to who reads it, and whether it reads as absent.
func shown(t require.TestingT, k kind.Kind, v kind.Value) string {
	say := fmt.Sprintf("absent=%v ", k.Absent(v))
	switch k.Name() {
	case "register":
		r, _ := kind.Get[kind.Register](v)
		return say + r.Second.Second.Val
	case "counter":
		c, _ := kind.Get[kind.Counter](v)
		n, err := kind.CounterSum(c)
		require.NoError(t, err)
		return say + fmt.Sprint(n)
	case "fields":
		m, _ := kind.Get[kind.Map[kind.AddWins]](v)
		for _, f := range m {
			say += fmt.Sprint(f.Key, kind.Elements(f.Val))
		}
		return say
	}
	s, _ := kind.Get[kind.AddWins](v)
	return say + fmt.Sprint(kind.Elements(s))
}

// held is a value that writers 1, 2, … have each put one argument into.
func held(t require.TestingT, k kind.Kind, args ...[]byte) kind.Value {
	v := k.New()
	for i, arg := range args {
		delta, err := k.Mutate(kind.Update{Arg: arg, Clock: uint64(i) + 7, Origin: uint64(i) + 1}, k.New())
		require.NoError(t, err)
		v.MergeIn(delta)
	}
	return v
}

// txnStep is a write of a transaction, or what a read then shows.
type txnStep struct {
	delete bool
	arg    []byte
	read   string // if it is not ""
}

func put(arg string) txnStep      { return txnStep{arg: []byte(arg)} }
func add(n int64) txnStep         { return txnStep{arg: kind.Amount(n)} }
func del(arg string) txnStep      { return txnStep{delete: true, arg: []byte(arg)} }
func reads(value string) txnStep  { return txnStep{read: value} }
func elem(element string) txnStep { return txnStep{delete: true, arg: kind.Element(element)} }

// TestTxnDeletes: what reads of a transaction show after each of its writes, over what a
// replica answers, and what it sends when it commits.
func TestTxnDeletes(t *testing.T) {
	kinds := txnKinds(t)
	field := func(f, element string) string { return string(kind.Field(f, []byte(element))) }
	for name, c := range map[string]struct {
		kind   string
		stored [][]byte
		steps  []txnStep
		sent   []uint64 // by position in steps
	}{
		"a register is absent":        {"register", [][]byte{[]byte("old")}, []txnStep{del(""), reads("absent=true ")}, []uint64{0}},
		"and absent where nothing is": {"register", nil, []txnStep{del(""), reads("absent=true ")}, []uint64{0}},
		"the later of put and delete stands": {"register", [][]byte{[]byte("old")}, []txnStep{
			put("a"), reads("absent=false a"), del(""), reads("absent=true "), put("b"), reads("absent=false b"), del(""), del(""), reads("absent=true "),
		}, []uint64{7}},
		"and of delete and put": {"register", [][]byte{[]byte("old")}, []txnStep{del(""), put("b"), reads("absent=false b")}, []uint64{1}},
		"all of a set": {"addwins", [][]byte{[]byte("x"), []byte("y")}, []txnStep{
			put("a"), put("b"), reads("absent=false [a b x y]"), del(""), reads("absent=true []"), put("a"), put("z"), reads("absent=false [a z]"),
		}, []uint64{3, 5, 6}},
		"an element of a set": {"addwins", [][]byte{[]byte("x"), []byte("y")}, []txnStep{
			put("a"), put("x"), elem("x"), reads("absent=false [a y]"), put("x"), reads("absent=false [a x y]"), elem("none"), elem("a"), reads("absent=false [x y]"),
		}, []uint64{2, 4, 6, 7}},
		"an empty element is not all":    {"addwins", [][]byte{[]byte("x"), nil}, []txnStep{put(""), elem(""), reads("absent=false [x]")}, []uint64{1}},
		"deletes of a set are each sent": {"addwins", [][]byte{[]byte("x")}, []txnStep{elem("x"), del(""), del(""), elem("x"), reads("absent=true []")}, []uint64{0, 1, 2, 3}},
		"a counter": {"counter", [][]byte{kind.Amount(5), kind.Amount(-2)}, []txnStep{
			add(7), add(-100), reads("absent=false -90"), del(""), reads("absent=true 0"), add(3), add(4), add(-1), reads("absent=false 6"), del(""), reads("absent=true 0"), add(1), reads("absent=false 1"),
		}, []uint64{3, 9, 11}},
		"a counter of which nothing is": {"counter", nil, []txnStep{del(""), add(4), reads("absent=false 4")}, []uint64{0, 1}},
		"values that no put has replaced": {"multivalue", [][]byte{kind.Assign(nil, "x"), kind.Assign(nil, "y")}, []txnStep{
			{arg: kind.Assign(nil, "z")}, reads("absent=false [x y z]"), del(""), reads("absent=true []"),
		}, []uint64{2}},
		"a put that replaces is sent": {"multivalue", [][]byte{kind.Assign(nil, "x")}, []txnStep{
			{arg: kind.Assign(kind.AddWins{{Key: 1, Val: kind.Adds{{Key: 7, Val: kind.Added{Second: "x"}}}}}, "z")}, reads("absent=false [z]"), del(""), reads("absent=true []"),
		}, []uint64{0, 2}},
		"a field of a map": {"fields", [][]byte{[]byte(field("f", "x")), []byte(field("g", "y"))}, []txnStep{
			put(field("f", "a")), put(field("g", "b")), del(field("f", "")), reads("absent=false f[]g[b y]"), del(""), reads("absent=true f[]g[]"),
		}, []uint64{2, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			k := kinds[c.kind]
			for _, l := range []session.Level{session.ReadCommitted, session.ItemCut} {
				var x session.Txn
				x.Begin(l)
				for i, s := range c.steps {
					switch {
					case s.read != "":
						v := held(t, k, c.stored...)
						_, err := x.Overlay(k, "k", v)
						require.NoError(t, err)
						assert.Equal(t, s.read, shown(t, k, v), "step %d at %v", i, l)
					case s.delete:
						require.NoError(t, x.Delete(k, "k", s.arg, uint64(i)))
					default:
						require.NoError(t, x.Put("k", c.kind, s.arg, uint64(i), c.kind == "register"))
					}
				}
				assert.Equal(t, c.sent, refs(&x))
				for _, w := range x.Writes() {
					assert.Equal(t, c.steps[w.Ref].delete, w.Delete, "write %d", w.Ref)
				}
			}
		})
	}
}

// TestTxnDeleteIsOfItsKey: writes of another key, or of another kind, and another transaction.
func TestTxnDeleteIsOfItsKey(t *testing.T) {
	kinds := txnKinds(t)
	register, set := kinds["register"], kinds["addwins"]
	var x session.Txn
	x.Begin(session.ReadCommitted)
	require.NoError(t, x.Put("other", "register", []byte("v"), 1, true))
	require.NoError(t, x.Put("k", "addwins", []byte("e"), 2, false))
	require.NoError(t, x.Delete(register, "k", nil, 3))
	assert.Equal(t, []uint64{1, 2, 3}, refs(&x))
	v := held(t, register, []byte("old"))
	own, err := x.Overlay(register, "other", v)
	require.NoError(t, err)
	assert.True(t, own)
	assert.Equal(t, "absent=false v", shown(t, register, v))
	s := held(t, set, []byte("old"))
	_, err = x.Overlay(set, "k", s)
	require.NoError(t, err)
	assert.Equal(t, "absent=false [e old]", shown(t, set, s))
	require.NoError(t, x.Put("k", "addwins", []byte("f"), 4, false))
	assert.Equal(t, []uint64{1, 2, 3, 4}, refs(&x))
	x.Begin(session.ReadCommitted)
	assert.Empty(t, refs(&x), "an aborted delete is forgotten")
	own, err = x.Overlay(register, "k", v)
	require.NoError(t, err)
	assert.False(t, own)
}

// TestTxnDeleteRefused: what cannot be deleted is refused at once, and changes nothing.
func TestTxnDeleteRefused(t *testing.T) {
	kinds := txnKinds(t)
	var x session.Txn
	x.Begin(session.ReadCommitted)
	assert.ErrorIs(t, x.Delete(kinds["set"], "k", nil, 1), kind.ErrNoDelete)
	assert.ErrorIs(t, x.Delete(kinds["register"], "k", []byte("part"), 2), kind.ErrArgument)
	assert.ErrorIs(t, x.Delete(kinds["addwins"], "k", []byte("no element"), 3), kind.ErrArgument)
	require.NoError(t, x.Put("k", "counter", kind.Amount(1), 4, false))
	require.NoError(t, x.Put("k", "counter", []byte("no amount at all, much too long"), 5, false))
	assert.ErrorIs(t, x.Delete(kinds["counter"], "k", nil, 6), kind.ErrArgument, "it cannot be told what it would leave of a put that is none")
	assert.Equal(t, []uint64{4, 5}, refs(&x))
	for len(x.Writes()) < session.MaxTxn {
		require.NoError(t, x.Put("many", "set", nil, 0, false))
	}
	assert.ErrorIs(t, x.Delete(kinds["addwins"], "one more", nil, 7), session.ErrTxn)
	assert.Len(t, x.Writes(), session.MaxTxn)
}

// TestTxnCutWithDeletes: at item cut what is read again is what was answered first, with the
// writes so far on it.
func TestTxnCutWithDeletes(t *testing.T) {
	k := txnKinds(t)["addwins"]
	var x session.Txn
	x.Begin(session.ItemCut)
	require.NoError(t, x.Learn("k", "addwins", held(t, k, []byte("x"), []byte("y")).Append(nil), true))
	read := func() string {
		value, found, known := x.Read("k", "addwins")
		require.True(t, found && known)
		v, err := k.Decode(value)
		require.NoError(t, err)
		_, err = x.Overlay(k, "k", v)
		require.NoError(t, err)
		return shown(t, k, v)
	}
	require.NoError(t, x.Delete(k, "k", kind.Element("x"), 1))
	require.NoError(t, x.Learn("k", "addwins", held(t, k, []byte("new")).Append(nil), true))
	for range 2 {
		assert.Equal(t, "absent=false [y]", read())
	}
	require.NoError(t, x.Delete(k, "k", nil, 2))
	assert.Equal(t, "absent=true []", read())
}

// TestTxnAgainstReplica: what a read of a transaction shows is what a replica would show that
// had the value read, and served, one after the other, all writes of the transaction, be they
// sent or not; and those that are sent bring the same about. The replica is the kind alone, with
// a clock that goes on.
func TestTxnAgainstReplica(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kinds := txnKinds(t)
		name := rapid.SampledFrom([]string{"register", "addwins", "counter"}).Draw(t, "kind")
		k := kinds[name]
		arg := func(label string) []byte {
			if name == "counter" {
				return kind.Amount(int64(rapid.IntRange(1, 9).Draw(t, label)) * int64(1-2*rapid.IntRange(0, 1).Draw(t, "down")))
			}
			return []byte(rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, label))
		}
		var stored [][]byte
		for range rapid.IntRange(0, 3).Draw(t, "stored") {
			stored = append(stored, arg("old"))
		}
		var x session.Txn
		x.Begin(session.ReadCommitted)
		served := func(only bool) string {
			v, own := held(t, k, stored...), k.New()
			for i, w := range x.Writes() {
				if only && w.Replaced {
					continue
				}
				u := kind.Update{Arg: w.Arg, Clock: 100 + uint64(i), Origin: 50}
				var delta kind.Value
				var err error
				if w.Delete {
					delta, err = k.Delete(u, v)
				} else if delta, err = k.Mutate(u, own); err == nil {
					own.MergeIn(delta)
				}
				require.NoError(t, err)
				v.MergeIn(delta)
			}
			return shown(t, k, v)
		}
		for i := range rapid.IntRange(1, 6).Draw(t, "writes") {
			if rapid.Bool().Draw(t, "delete") {
				var of []byte
				if name == "addwins" && rapid.Bool().Draw(t, "one") {
					of = kind.Element(string(arg("element")))
				}
				require.NoError(t, x.Delete(k, "k", of, uint64(i)))
			} else {
				require.NoError(t, x.Put("k", name, arg("put"), uint64(i), name == "register"))
			}
			v := held(t, k, stored...)
			own, err := x.Overlay(k, "k", v)
			require.NoError(t, err)
			require.True(t, own)
			require.Equal(t, served(false), shown(t, k, v))
			require.Equal(t, served(true), shown(t, k, v))
		}
	})
}

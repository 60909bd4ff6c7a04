package scenario

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim/scenario/oracle"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// asked is a run of these operations by one session, as far as the session asks.
func asked(t *testing.T, level session.Level, ops ...workload.Operation) (*run, *sessionState) {
	setup, _, err := new(memory).planOf(Config{}, 1, 0)
	require.NoError(t, err)
	setup.Tagged, setup.Level = false, level.String()
	for i := range ops {
		ops[i].ID, ops[i].Type = uint64(i)+1, history.Register
	}
	r, err := newRun(new(memory), setup, ops)
	require.NoError(t, err)
	s := &sessionState{busy: true, queue: make([]int, len(ops))}
	s.state.Reset(level)
	for i := range ops {
		s.queue[i] = i
	}
	return r, s
}

// answer has the session ask its next operation and get this answer.
func (r *run) answer(t *testing.T, s *sessionState, resp wire.Response) {
	_, err := r.ask(s, int64(s.first))
	require.NoError(t, err)
	if r.ops[s.current()].Func != history.Read { // as its replica told when it accepted the write
		r.recorded[s.current()].Stamp = history.Stamp{Clock: resp.Clock, Writer: resp.Dot.Origin}
	}
	past, proof := s.state.Past()
	resp.Deps, resp.Proof = past, proof
	r.answered(s, 0, &resp, int64(s.first)+1)
	s.first++
}

// began is the hybrid time at which a run begins.
const began = clockBase << 16

// reads is an answer with the value of a register written at a time.
func reads(clock, writer, met uint64) wire.Response {
	v := kind.Register{First: began + clock, Second: lattice.Pair[uint64, lattice.Option[string]]{First: writer, Second: lattice.Some("v")}}
	return wire.Response{Found: true, Clock: began + met, Value: lattice.Encode(kind.RegisterMerge(), v)}
}

func wrote(clock, writer uint64) wire.Response {
	return wire.Response{Clock: began + clock, Dot: causal.Dot{Origin: writer, Seq: 1}}
}

// seenBy are the oracles that noticed something.
func (r *run) seenBy() (names []string) {
	for _, v := range r.failed {
		names = append(names, v.Oracle)
	}
	return names
}

// TestStampOracle: a session that reads a value, overwrites it and reads it again; that
// reads what is older than what it read, by its time or by its writer; or nothing.
func TestStampOracle(t *testing.T) {
	read, write := workload.Operation{Func: history.Read, Key: "r"}, workload.Operation{Func: history.Write, Key: "r", Arg: "v"}
	other := workload.Operation{Func: history.Read, Key: "other"}
	for name, x := range map[string]struct {
		ops     []workload.Operation
		answers []wire.Response
		bad     bool
	}{
		"overwritten, and read again": {[]workload.Operation{read, write, read}, []wire.Response{reads(28, 1, 28), wrote(30, 2), reads(28, 1, 30)}, true},
		"an older one":                {[]workload.Operation{read, read}, []wire.Response{reads(28, 2, 28), reads(27, 3, 28)}, true},
		"a lesser writer":             {[]workload.Operation{read, read}, []wire.Response{reads(28, 2, 28), reads(28, 1, 28)}, true},
		"nothing after something":     {[]workload.Operation{read, read}, []wire.Response{reads(28, 2, 28), {Clock: began + 28}}, true},
		"the same":                    {[]workload.Operation{read, read}, []wire.Response{reads(28, 2, 28), reads(28, 2, 28)}, false},
		"newer ones":                  {[]workload.Operation{read, write, read, read}, []wire.Response{reads(28, 1, 28), wrote(30, 2), reads(30, 2, 30), reads(31, 1, 31)}, false},
		"an older one elsewhere":      {[]workload.Operation{read, other, read}, []wire.Response{reads(28, 2, 28), reads(27, 2, 28), reads(28, 2, 28)}, false},
		"older than one before":       {[]workload.Operation{read, other, read, read}, []wire.Response{reads(20, 2, 28), reads(27, 2, 28), reads(28, 2, 28), reads(25, 2, 28)}, true},
	} {
		for _, level := range []session.Level{session.Causal, session.Eventual} {
			r, s := asked(t, level, append([]workload.Operation(nil), x.ops...)...)
			for _, a := range x.answers {
				r.answer(t, s, a)
			}
			if x.bad && level == session.Causal {
				assert.Equal(t, []string{"stamp"}, r.seenBy(), name)
			} else {
				assert.Empty(t, r.failed, "%s, %v", name, level)
			}
		}
	}
}

// TestCacheKeepsAReadOfANewOwner: a read that is planned to ask no owner, and is answered by
// one that has come to own the key, counts for what the cache of its session shows later.
func TestCacheKeepsAReadOfANewOwner(t *testing.T) {
	read := workload.Operation{Func: history.Read, Key: "r"}
	elsewhere := read
	elsewhere.Amiss = workload.NotOwner
	r, s := asked(t, session.MonotonicReads, read, elsewhere, read)
	r.setup.Cache, r.setup.Moves = true, []Move{{AtMS: 1, Node: 1, To: "leaving"}}
	r.answer(t, s, reads(28, 1, 28))
	assert.False(t, r.caches(s), "the second is for a replica to answer, or to refuse")
	r.answer(t, s, reads(30, 1, 30))
	assert.True(t, r.caches(s))
	r.answer(t, s, wire.Response{Status: wire.StatusUnavailable, Clock: began + 30})
	assert.Equal(t, history.OK, r.recorded[2].Outcome, "answered from the cache, however old")
	assert.Equal(t, history.Stamp{Clock: began + 30, Writer: 1}, r.recorded[2].Stamp)
	assert.Empty(t, r.failed)
}

// TestReadClockOracle: what is read was written at a time that the replica has met.
func TestReadClockOracle(t *testing.T) {
	for _, level := range []session.Level{session.Causal, session.Eventual} {
		r, s := asked(t, level, workload.Operation{Func: history.Read, Key: "r"}, workload.Operation{Func: history.Read, Key: "r"})
		r.answer(t, s, reads(28, 1, 28))
		assert.Empty(t, r.failed)
		r.answer(t, s, reads(29, 1, 28))
		assert.Equal(t, []string{"clock"}, r.seenBy())
	}
}

// TestRefusalOracle: nothing that the plan asks for may be refused, but for a causal
// read that waited in vain.
func TestRefusalOracle(t *testing.T) {
	for _, level := range []session.Level{session.Causal, session.Eventual} {
		for _, f := range []history.Func{history.Read, history.Write} {
			for status := wire.StatusNotOwner; status <= wire.StatusClockAhead; status++ {
				r, s := asked(t, level, workload.Operation{Func: f, Key: "r", Arg: "v"})
				r.answer(t, s, wire.Response{Status: status})
				if status == wire.StatusUnavailable && level == session.Causal && f == history.Read {
					assert.Empty(t, r.failed)
					continue
				}
				assert.Equal(t, []string{"availability"}, r.seenBy(), "%v %v: %v", level, f, status)
			}
		}
	}
}

// TestAvailabilityOracle: what is not served counts after the fence, and in all of a run
// without faults.
func TestAvailabilityOracle(t *testing.T) {
	h := &history.History{Ops: []history.Op{
		{Func: history.Read, Outcome: history.Failed}, {Func: history.Write, Outcome: history.Unknown}, {Func: history.Write, Outcome: history.OK},
		{Func: history.Read, Outcome: history.OK}, {Func: history.Read, Outcome: history.Failed},
	}}
	planned := []uint64{1, 2, 3, workload.FirstFinal, workload.FirstFinal + 1}
	for faultless, want := range map[bool]int{true: 3, false: 1} {
		r, _ := asked(t, session.Causal)
		r.availability.Ended(&oracle.End{History: h, Planned: planned, Faultless: faultless})
		assert.Len(t, r.failed, want)
		assert.Equal(t, "availability", r.failed[0].Oracle)
		h.Ops = h.Ops[:4]
		r, _ = asked(t, session.Causal)
		r.availability.Ended(&oracle.End{History: h, Planned: planned})
		assert.Empty(t, r.failed)
		h.Ops = h.Ops[:5]
	}
}

// TestForgetfulAnswerOracle: an answer that leaves out what its session depended on.
func TestForgetfulAnswerOracle(t *testing.T) {
	r, s := asked(t, session.Causal, workload.Operation{Func: history.Read, Key: "r"})
	require.True(t, s.state.ObserveBoth(session.Matrix{{Partition: 1, Origin: 2, Seq: 3}}, nil, session.Proof{}, 1))
	_, err := r.ask(s, 1)
	require.NoError(t, err)
	r.answered(s, 0, &wire.Response{Clock: 1}, 2)
	assert.Equal(t, []string{"answer"}, r.seenBy())
}

// TestPanicsAreViolations: a panic of the code under test ends its process, not the
// campaign, and the run can be told by its seed and shrunk from its tape.
func TestPanicsAreViolations(t *testing.T) {
	var rn Runner
	broken := func() *kind.Kinds {
		set := kind.SetSpec()
		set.Mutate = func(u kind.Update, _ kind.GrowSet) (kind.GrowSet, error) {
			var none kind.GrowSet
			return none[len(u.Arg):][:len(u.Arg)+1], nil // out of range
		}
		var all []kind.Kind
		for _, make := range []func() (kind.Kind, error){
			func() (kind.Kind, error) { return kind.New(set) },
			func() (kind.Kind, error) { return kind.New(kind.RegisterSpec()) },
			func() (kind.Kind, error) { return kind.New(kind.CounterSpec()) },
			func() (kind.Kind, error) { return kind.New(kind.AddWinsSpec()) },
		} {
			k, err := make()
			require.NoError(t, err)
			all = append(all, k)
		}
		kinds, err := kind.NewKinds(all...)
		require.NoError(t, err)
		return kinds
	}
	rn.plain, rn.foreign = broken(), broken()
	var err error
	rn.tagged, err = workload.TaggedKinds()
	require.NoError(t, err)
	found := 0
	for seed := uint64(0); seed < 300 && found < 3; seed += 5 { // every fifth runs untagged
		res, err := rn.Run(t.Context(), Config{}, seed)
		require.NoError(t, err)
		if len(res.Violations) == 0 {
			continue
		}
		found++
		v := res.Violations[0]
		assert.Equal(t, "panic", v.Oracle)
		assert.Equal(t, "request", v.Kind)
		assert.Contains(t, v.Message, "slice bounds out of range")
		assert.Contains(t, v.Message, "sim/scenario.TestPanicsAreViolations", "and where")
		again, err := rn.Run(t.Context(), Config{}, seed)
		require.NoError(t, err)
		assert.Equal(t, res.Violations, again.Violations)
		assert.Equal(t, res.TraceHash, again.TraceHash)
	}
	assert.Equal(t, 3, found)
}

package trial_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/trial"
)

// failing records the first seed that fails with a spoilt rewrite of a program.
func failing(t *testing.T, name string, spoil func(q *el.Program)) (*trial.Tape, *trial.Replayed) {
	t.Helper()
	p, r := rewritten(t, name)
	spoil(r.Program)
	for seed := uint64(2); seed < 50; seed++ {
		o := trial.Options{Seed: seed, Faults: true}
		if _, err := trial.Run(p, r.Program, trial.Workloads[name], o); trial.Signature(err) == "" {
			continue
		}
		tape, again, err := trial.Record(name, p, r.Program, trial.Workloads[name], o)
		require.NoError(t, err)
		return tape, again
	}
	require.Fail(t, "no seed fails")
	return nil, nil
}

// TestTape: a failing seed is written down, read, repeated and made small; what is
// left of each kind of failure is next to nothing.
func TestTape(t *testing.T) {
	for _, c := range []struct {
		program, signature string
		operations         int
		spoil              func(q *el.Program)
	}{
		{"kvs", "outputs differ: view", 3, func(q *el.Program) { without(ruleLike(q, "del_log(k0, k1) @delete"), "ins_log_seen") }},
		{"unicast", "worlds end differently: delivered", 2, func(q *el.Program) {
			q.Rules = append(q.Rules, el.When(el.Async, el.A("chn", "a", "j", "v"), // a message of nobody's besides
				el.Is(el.A("sbuf", "i", "a", "v")), el.Set("j", "add", el.V("i"), el.C(el.Number(500_000)))))
		}},
		{"unicast", "message never arrives: chn", 2, func(q *el.Program) { without(ruleLike(q, "sbuf(k0, k1, k2) @delete"), "chn_approx") }},
		{"kvs", "storage is not given back: ins_log", 2, func(q *el.Program) {
			r := ruleLike(q, "ins_log(k0, k1, k2) @delete")
			r.Body = append(r.Body, el.If("!=", el.V("k0"), el.V("k0")))
		}},
	} {
		t.Run(c.signature, func(t *testing.T) {
			tape, first := failing(t, c.program, c.spoil)
			require.Equal(t, c.signature, tape.Signature)
			var text bytes.Buffer
			require.NoError(t, tape.Write(&text))
			read, err := trial.LoadTape(bytes.NewReader(text.Bytes()))
			require.NoError(t, err)
			again := read.Replay()
			assert.Equal(t, first.Report.Hash, again.Report.Hash)
			assert.Equal(t, first.Err.Error(), again.Err.Error())
			var twice bytes.Buffer
			require.NoError(t, read.Write(&twice))
			assert.Equal(t, text.String(), twice.String())

			small, err := read.Shrink(context.Background(), 300)
			require.NoError(t, err)
			assert.Equal(t, c.signature, trial.Signature(small.Replayed.Err))
			assert.LessOrEqual(t, len(small.Tape.Operations), c.operations)
			assert.LessOrEqual(t, len(small.Tape.Decisions), 4)
			t.Logf("%d of %d operations, %d of %d decisions, %d trials", len(small.Tape.Operations), len(tape.Operations),
				len(small.Tape.Decisions), len(tape.Decisions), small.Replays)
			var trace, diagram strings.Builder
			require.NoError(t, small.Replayed.WriteTrace(&trace))
			require.NoError(t, small.Replayed.WriteDiagram(&diagram))
			assert.NotEmpty(t, trace.String())
			assert.NotEmpty(t, diagram.String())
		})
	}
}

// TestInterruptedShrink keeps the smallest found.
func TestInterruptedShrink(t *testing.T) {
	tape, _ := failing(t, "kvs", func(q *el.Program) { without(ruleLike(q, "del_log(k0, k1) @delete"), "ins_log_seen") })
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	whole, err := tape.Shrink(ctx, 100)
	require.NoError(t, err)
	assert.False(t, whole.Settled)
	assert.Equal(t, tape.Operations, whole.Tape.Operations)
	assert.Equal(t, tape.Signature, trial.Signature(whole.Replayed.Err))
	small, err := tape.Shrink(context.Background(), 3)
	require.NoError(t, err)
	assert.False(t, small.Settled)
	assert.LessOrEqual(t, len(small.Tape.Operations), len(tape.Operations))
	tape.Signature = "another"
	_, err = tape.Shrink(context.Background(), 3)
	require.Error(t, err)
}

func TestTapesAreChecked(t *testing.T) {
	tape, _ := failing(t, "kvs", func(q *el.Program) { without(ruleLike(q, "del_log(k0, k1) @delete"), "ins_log_seen") })
	var b bytes.Buffer
	require.NoError(t, tape.Write(&b))
	text := b.String()
	for _, c := range [][3]string{
		{`"joinery_tape": 1`, `"joinery_tape": 2`, "version 2"},
		{`"scenario": "edelweiss"`, `"scenario": "kvs"`, `scenario "kvs"`},
		{`"nodes": 3`, `"nodes": 0`, "0 nodes: want 1 to 64"},
		{`"nodes": 3`, `"nodes": 1`, "of 1"},
		{`"until": 400000`, `"until": -400000`, "want a time up to a day"},
		{`"trace_hash": "`, `"trace_hash": "x`, "trace hash"},
		{`.decl put(`, `.decl (`, "original: "},
		{`@delete`, `@deleted`, "rewritten: "},
		{`.decl ins_chn_ack(`, `.decl ins_chn_acq(`, "rewritten: "},
		{`"node(@0)."`, `"node(@0) :- node(@0)."`, "node(@0) :- node(@0). is no fact"},
		{`"node(@0)."`, `".decl x(a: node) table"`, "declarations among facts"},
		{`"view"`, `"put"`, `"put" is no output`},
		{`"operations": [`, `"operations": ["1 2",`, "want number, time, @node and facts"},
		{`"operations": [`, `"operations": ["x 2 @0 del(1, 2).",`, "operation 0"},
		{`"operations": [`, `"operations": ["0 -2 @0 del(1, 2).",`, "time before the start"},
		{`"operations": [`, `"operations": ["999 2 @0 del(1, 2).",`, "is not above the one before"},
		{`"decisions": [`, `"decisions": ["swarm",`, `decision "swarm"`},
		{`"decisions": [`, `"decisions": ["swarm 1 1 1",`, `decision "swarm 1 1 1"`},
		{`"decisions": [`, `"decisions_": [`, "unknown field"},
	} {
		require.Contains(t, text, c[0])
		_, err := trial.LoadTape(strings.NewReader(strings.Replace(text, c[0], c[1], 1)))
		require.ErrorIs(t, err, trial.ErrTape, c[1])
		assert.ErrorContains(t, err, c[2])
	}
	_, err := trial.LoadTape(strings.NewReader(""))
	require.ErrorIs(t, err, trial.ErrTape)
	_, err = trial.LoadTape(strings.NewReader(strings.Replace(text, `"operations": [`, `"operations": ["0 0 @0 del(1, 2).",`, 1)))
	require.ErrorContains(t, err, "operation 1: number 0 is not above the one before", "the start is no bad time")
}

// TestOutsidesAreAlike: programs are compared only if they have the same inputs,
// outputs, channels and sealed collections.
func TestOutsidesAreAlike(t *testing.T) {
	p, r := rewritten(t, "kvs")
	for _, name := range []string{"node", "put", "view", "ins_chn"} {
		q := r.Program.Clone()
		q.Collection(name).Columns[0].Name = "other"
		_, err := trial.Run(p, q, trial.Workloads["kvs"], trial.Options{Seed: 1})
		require.ErrorIs(t, err, trial.ErrWorkload)
		require.ErrorContains(t, err, "declare "+name+" in both programs alike")
	}
}

func FuzzLoadTape(f *testing.F) {
	f.Add([]byte(`{"joinery_tape":1,"scenario":"edelweiss","nodes":1,"until":1000,"trace_hash":"0","original":[".decl i(k: number) input"],` +
		`"rewritten":[".decl i(k: number) input"],"operations":["0 1 @0 i(1)."],"decisions":["swarm 1 1"]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		tape, err := trial.LoadTape(bytes.NewReader(b))
		if err != nil {
			return
		}
		var text, twice bytes.Buffer
		require.NoError(t, tape.Write(&text))
		again, err := trial.LoadTape(bytes.NewReader(text.Bytes()))
		require.NoError(t, err)
		require.NoError(t, again.Write(&twice))
		require.Equal(t, text.String(), twice.String())
	})
}

package linearizability

import (
	"context"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
	"github.com/joinery-go/joinery/models/oracle"
)

// strung is many small runs of one register, one after the other: between two of
// them nothing is under way, but values carry over. Each run begins with a write.
func strung(t *testing.T, runs int, faults int) *history.History {
	t.Helper()
	h := &history.History{Name: "strung"}
	base := int64(0)
	for seed := range uint64(runs) {
		shape := oracle.Shape{Ops: 8, Sessions: 3, Keys: 1, Faults: faults}
		end := base
		h.Ops = append(h.Ops, history.Op{
			Session: 9, Node: -1, Type: history.Register, Func: history.Write, Key: "x", Call: base, Return: base + 1,
		})
		for _, o := range oracle.RandomRegister(seed, shape, true).Ops {
			o.Call, o.Return = o.Call+base+2, o.Return+base+2
			end = max(end, o.Return)
			h.Ops = append(h.Ops, o)
		}
		base = end + 1
	}
	h = inOrder(h)
	require.NoError(t, h.Validate())
	return h
}

func TestSegmentsAgreeWithPorcupine(t *testing.T) {
	counts := map[Status]int{}
	for i := range 60 {
		h := strung(t, 60+i, i%2)
		p, err := models.CASRegister().Prepare(h)
		require.NoError(t, err)
		segments := segmentsOf(p.Parts[0].Ops)
		require.Greater(t, len(segments), 60)
		b, err := Budget{}.withDefaults()
		require.NoError(t, err)
		r := searchSegments(newMeter(context.Background(), b), p, p.Parts[0], segments)
		want := Violation
		if porcupine.CheckOperations(p.Spec, p.Parts[0].Ops) {
			want = OK
		}
		require.Equal(t, want, r.status)
		counts[r.status]++
	}
	t.Logf("%v", counts)
	require.Greater(t, counts[OK], 10)
	require.Greater(t, counts[Violation], 10)
}

// Cutting makes the cost linear, where one search has it grow with the square.
func TestSegmentsScale(t *testing.T) {
	h := strung(t, 6_000, 0)
	start := time.Now()
	v := mustCheck(t, h, "cas-register")
	require.Equal(t, OK, v.Status, "%v", v)
	require.Equal(t, bySegments, v.Method)
	t.Logf("%d operations in %v, %d steps", len(h.Ops), time.Since(start), v.Steps)
	require.Less(t, v.Steps, int64(20*len(h.Ops)))

	stuck, err := Check(context.Background(), h, "cas-register", Budget{Steps: 1000})
	require.NoError(t, err)
	require.Equal(t, Undecided, stuck.Status)
}

func TestSegmentsAreLeftAloneWhereTheyDoNotHelp(t *testing.T) {
	h := strung(t, 10, 0)
	p, err := models.CASRegister().Prepare(h)
	require.NoError(t, err)
	require.Nil(t, segmentsOf(p.Parts[0].Ops), "too few operations")
	h = saturated(1000, 20)
	p, err = models.CASRegister().Prepare(h)
	require.NoError(t, err)
	require.Nil(t, segmentsOf(p.Parts[0].Ops), "never quiet")
}

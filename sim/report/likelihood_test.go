package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestLikelihood: points that were asked are told with the last choice that is fixed, and a
// sentence says where the failure becomes likely.
func TestLikelihood(t *testing.T) {
	const ms = 1_000_000
	fixed := []Choice{
		{What: "write", At: 0, Operation: true}, {What: "drop", At: 10 * ms}, {What: "read", At: 20 * ms, Operation: true}, {What: "crash", At: 20 * ms},
	}
	at := []int64{0, 5 * ms, 10 * ms, 10*ms + 1, 20 * ms, 20*ms + 1, 30 * ms}
	r := NewRewind(20, 7, fixed, at, []int{2, 3, -1, 17, 16, 20, 20})
	assert.Equal(t, []RewindPoint{
		{0, "write", 2}, {5 * ms, "write", 3}, {10*ms + 1, "drop", 17}, {20 * ms, "read", 16}, {20*ms + 1, "crash", 20}, {30 * ms, "crash", 20},
	}, r.Points, "an operation at the time itself is fixed, a fault is not")
	assert.Equal(t, [2]int{20, 7}, [2]int{r.Draws, int(r.Seed)})
	assert.Equal(t, "With these operations and every fault drawn anew, the same failure comes about in 2 of 20 runs. "+
		"It becomes likely by 10.000001ms, where it rises from 3 to 17 of 20: the last thing before that is drop.", r.Turning())

	p := &Page{Summary: []string{"before"}}
	c := &Choices{Draws: 20}
	p.AddLikelihood(c, r)
	assert.Same(t, c, p.Choices)
	assert.Same(t, r, p.Rewind)
	assert.Equal(t, []string{"before", r.Turning()}, p.Summary)
	var said []string
	for _, x := range r.Points {
		said = append(said, x.What)
	}
	assert.Equal(t, []string{"write", "no more", "drop", "read", "crash", "no more"}, said, "what is fixed is told once")

	early := NewRewind(20, 0, fixed[1:], []int64{0}, []int{0})
	assert.Equal(t, "nothing: every fault is drawn", early.Points[0].What)
	q := &Page{}
	q.AddLikelihood(c, NewRewind(20, 7, fixed, at[:1], []int{-1}))
	assert.Nil(t, q.Rewind, "none was asked")
	assert.Empty(t, q.Summary)
	q.AddLikelihood(c, nil)
	assert.Same(t, c, q.Choices)
}

// TestTurningPoint: what hardly needs a fault, and what no point makes likelier, is said so.
func TestTurningPoint(t *testing.T) {
	turning := func(draws int, failed ...int) string {
		at := make([]int64, len(failed))
		for i := range at {
			at[i] = int64(i)
		}
		return NewRewind(draws, 0, nil, at, failed).Turning()
	}
	const begin = "With these operations and every fault drawn anew, the same failure comes about in "
	assert.Empty(t, turning(10))
	assert.Equal(t, begin+"9 of 10 runs: it hardly needs a fault.", turning(10, 9, 10))
	assert.Contains(t, turning(10, 8, 10), "It becomes likely by 1ns, where it rises from 8 to 10 of 10")
	assert.Equal(t, begin+"3 of 10 runs, and no point of the run makes it likelier.", turning(10, 3, 3, 2))
	assert.Equal(t, begin+"3 of 10 runs, and no point of the run makes it likelier.", turning(10, 3))
	assert.Contains(t, turning(10, 0, 4, 8, 9), "rises from 0 to 4", "the first of rises as steep")
}

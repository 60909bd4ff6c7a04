package scenario

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/session"
)

// TestWhoAnswersUnderPartitions: where partitions are the only faults, a level answers however
// few owners the replica hears that is asked, if theory has it that it can: eventual all,
// and every level writes, and the reads of sessions that stay. Sessions that move wait, at
// levels whose reads depend on what they have seen elsewhere. (Bailis et al., VLDB'14, table 3.)
func TestWhoAnswersUnderPartitions(t *testing.T) {
	for _, level := range []session.Level{session.Eventual, session.Causal} {
		var sum BySide
		rn := new(Runner)
		for seed := range uint64(300) {
			res, err := rn.Run(t.Context(), Config{Level: level.String(), Faults: "off,partition=extreme"}, 1000+seed)
			require.NoError(t, err)
			for put := range sum {
				for moved := range sum[put] {
					for side := range sum[put][moved] {
						sum[put][moved][side].Asked += res.BySide[put][moved][side].Asked
						sum[put][moved][side].Answered += res.BySide[put][moved][side].Answered
					}
				}
			}
		}
		below := func(put, moved int) (asked, missing int64) { // of those that do not hear all
			for side := SideMajority; side < NumSides; side++ {
				asked += sum[put][moved][side].Asked
				missing += sum[put][moved][side].Asked - sum[put][moved][side].Answered
			}
			return asked, missing
		}
		for put := range 2 {
			for moved := range 2 {
				asked, missing := below(put, moved)
				t.Logf("%v, put %d, moved %d: %d asked under partitions, %d not answered", level, put, moved, asked, missing)
				require.Greater(t, asked, int64(15))
				if level == session.Eventual || put == 1 {
					assert.LessOrEqual(t, 50*missing, asked, "%v, put %d, moved %d: a cut came and went within the wait, and no more", level, put, moved)
				} else if moved == 1 {
					assert.Positive(t, missing, "%v waits for what its session has seen elsewhere", level)
				}
			}
		}
		assert.Zero(t, sum[0][0][SideCut].Asked+sum[0][1][SideCut].Asked, "reads are asked of owners")
		assert.Positive(t, sum[1][0][SideAlone].Asked+sum[1][1][SideAlone].Asked)
		assert.Positive(t, sum[1][0][SideWhole].Answered)
	}
}

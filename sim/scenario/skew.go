package scenario

import (
	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
)

// In one seed of four the clocks of the hosts on which sessions are differ, so that a session that
// stamps what it writes by its host's alone is found out: it loses against what it has read.

// hostMS is what the clock of a session's host shows, in milliseconds. The clocks of some are ahead,
// of each by as much as it is from the start.
func (r *run) hostMS(s *sessionState, now int64) uint64 {
	ms := uint64(clockBase + now/int64(sim.Millisecond))
	if r.setup.SkewMS > 0 {
		ms += choice.Mix(choice.MixString(r.setup.Seed, "skew"), uint64(s.number)) % r.setup.SkewMS
	}
	return ms
}

package linearizability

import (
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
)

// convergencePartCheckers are the three parts of convergence, each a level by
// itself: the first and the second need no fence.
func convergencePartCheckers() []checker {
	row := func(name, doc, needs string, settles bool, part convergencePart) checker {
		return checker{
			ModelInfo: ModelInfo{Name: name, Doc: doc, Complexity: "O(reads x puts seen), an object at a time", Needs: needs},
			judge:     func(m *meter, h *history.History) (result, error) { return converges(m, h, part) },
			settles:   settles,
			reduce:    models.Eventual().Reduce,
		}
	}
	sameTagsOnly := func(s *convergenceCheck, o *objectReads) result {
		if !s.h.Tagged {
			return result{status: Inconclusive, reason: "without tags it cannot be seen which reads saw the same puts"}
		}
		return s.sameTags(o)
	}
	return []checker{
		row("explained", "convergence, first part: every value is the join of the puts that the read saw", "registers, sets, counters", false, (*convergenceCheck).explained),
		row("strong-eventual", "convergence, second part: reads of an object that saw the same puts return the same", "a tagged history of registers, sets, counters", false, sameTagsOnly),
		row("settled", "convergence, third part: after a settle fence all acknowledged puts are included and reads agree",
			"registers, sets, counters; a settle fence with reads after it", true, (*convergenceCheck).settled),
	}
}

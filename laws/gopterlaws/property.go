package gopterlaws

import (
	"fmt"
	"sync"

	"github.com/leanovate/gopter"

	gengopter "github.com/joinery-go/joinery/gen/gopter"
	"github.com/joinery-go/joinery/laws"
)

// property is one law as a property of gopter. gopter knows tests that pass, fail
// or are discarded; it discards at most so many, whatever the law. The laws have
// thresholds of their own, so no case is discarded: the property counts, and its
// last test fails if the law was not exercised enough.
type property struct {
	trial *laws.Trial
	seed  int64
	tests int // that gopter will make of one run
	again string

	mu               sync.Mutex // gopter's workers come at once
	tape             gengopter.Recorder
	cases, exercised int
}

func newProperty(trial *laws.Trial, o settings) *property {
	// Each worker makes an equal share, rounded up.
	share := (o.tests + o.workers - 1) / o.workers
	return &property{trial: trial, seed: o.seed, tests: share * o.workers}
}

// test is the gopter.Prop: it draws one tuple and judges the law on it.
func (p *property) test(params *gopter.GenParameters) *gopter.PropResult {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tape.Reset(params)
	v := p.trial.Judge(&p.tape)
	p.cases++
	switch v.Outcome {
	case laws.Fails:
		result := p.refuted(v, p.tape.Answers(), params)
		p.cases, p.exercised = 0, 0
		return result
	case laws.Holds:
		p.exercised++
	}
	if p.cases < p.tests {
		return &gopter.PropResult{Status: gopter.PropTrue}
	}
	short := p.trial.Shortfall(p.cases, p.exercised)
	p.cases, p.exercised = 0, 0
	if short != "" {
		return gopter.NewPropResult(false, short)
	}
	return &gopter.PropResult{Status: gopter.PropTrue}
}

// refuted makes the case that the tape makes smaller and reports both.
func (p *property) refuted(v laws.Verdict, tape []uint64, params *gopter.GenParameters) *gopter.PropResult {
	first, err := p.trial.Explain(v, tape)
	if err != nil {
		return errored(err)
	}
	least, shrinks := gengopter.Minimise(p.trial.Apart(v, tape), params, p.trial.FailsLike(v))
	last, err := p.trial.Explain(v, least)
	if err != nil {
		return errored(err)
	}
	last.Found = fmt.Sprintf("test %d of gopter's seed %d", p.cases, p.seed)
	last.Again = p.again
	result := gopter.NewPropResult(false, last.String())
	for i, w := range last.Where {
		arg := &gopter.PropArg{Label: w.Name, Arg: w.Value, ArgFormatted: w.Value, Shrinks: shrinks}
		if i < len(first.Where) {
			arg.OrigArg, arg.OrigArgFormatted = first.Where[i].Value, first.Where[i].Value
		}
		result.AddArgs(arg)
	}
	return result
}

func errored(err error) *gopter.PropResult {
	return &gopter.PropResult{Status: gopter.PropError, Error: err}
}

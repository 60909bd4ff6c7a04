package campaign

// ViolationLine is a failing seed as campaigns print it for scripts: one JSON object a
// line.
type ViolationLine struct {
	Kind             string `json:"kind"` // "violation"
	Seed             uint64 `json:"seed"`
	Oracle           string `json:"oracle"` // of its first violation, as the next two
	Signature        string `json:"signature"`
	Message          string `json:"message"`
	TraceHash        string `json:"trace_hash"`
	Tape             string `json:"tape"` // path, "" if it was not kept
	ShrunkTape       string `json:"shrunk_tape,omitempty"`
	ShrunkOperations *int   `json:"shrunk_operations"`
	ShrunkExceptions *int   `json:"shrunk_exceptions"`
	ShrunkReplays    *int   `json:"shrunk_replays"`
	ShrunkChoices    *int   `json:"shrunk_choices,omitempty"` // of the protocol's own
}

// NewViolationLine is the line of a failing seed, and what was kept of it.
func NewViolationLine[S any](seed, hash uint64, first Violation, k *Kept[S]) ViolationLine {
	return ViolationLine{
		Kind: "violation", Seed: seed, Oracle: first.Oracle, Signature: first.Signature(), Message: first.Message,
		TraceHash: FormatHash(hash), Tape: k.Tape, ShrunkTape: k.Small,
	}
}

// Line is the line of a failing run of a protocol.
func (res *Result) Line(k *Kept[*Shrunk]) ViolationLine {
	line := NewViolationLine(res.Seed, res.TraceHash, res.Violations[0], k)
	if k.Shrunk {
		t := k.Form.Tape
		ops, faults, choices := len(t.Operations), t.Faults(), t.Choices()
		line.ShrunkOperations, line.ShrunkExceptions, line.ShrunkChoices, line.ShrunkReplays = &ops, &faults, &choices, &k.Form.Replays
	}
	return line
}

// SummaryLine is the last line of a campaign for scripts.
type SummaryLine struct {
	Kind           string             `json:"kind"` // "summary"
	Protocol       string             `json:"protocol"`
	Seed           uint64             `json:"seed"` // the first
	Seeds          int64              `json:"seeds"`
	Deliveries     int64              `json:"deliveries"`
	Operations     int64              `json:"operations"`
	Answered       int64              `json:"answered"`
	Violations     int64              `json:"violations"` // seeds with one
	Undecided      int64              `json:"undecided"`
	Twice          int64              `json:"run_twice"`
	Seconds        float64            `json:"seconds"`
	NoFault        int64              `json:"seeds_without_effective_fault"`
	FaultEffective map[string]float64 `json:"fault_effective"` // share of seeds, by class that the protocol bears
	Points         map[string]int64   `json:"points"`          // seeds that reached each
	NeverReached   []string           `json:"never_reached"`
}

// Line is the summary of a campaign that took so many seconds.
func (r *Report) Line(seconds float64) SummaryLine {
	s := SummaryLine{
		Kind: "summary", Protocol: r.Protocol, Seed: r.First, Seeds: r.Seeds, Deliveries: r.Deliveries, Operations: r.Operations,
		Answered: r.Answered, Violations: r.Violating, Undecided: r.Undecided, Twice: r.Twice, Seconds: seconds, NoFault: r.Faultless,
		FaultEffective: make(map[string]float64), Points: make(map[string]int64), NeverReached: append([]string{}, r.NeverReached()...),
	}
	for _, c := range r.Classes() {
		s.FaultEffective[c.String()] = share(r.Effective[c], r.Seeds)
	}
	for _, point := range r.protocol.Points {
		s.Points[point] = r.Points[point]
	}
	return s
}

func share(n, of int64) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

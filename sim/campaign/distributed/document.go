package distributed

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/joinery-go/joinery/lattice/causal"
)

// documentVersion is the version of the form of heads.
const documentVersion = 1

// Bounds of a campaign. What would pass one is refused by an error that wraps [ErrFull].
const (
	MaxClasses  = 4096      // classes of failures
	MaxCommits  = 1024      // commits of which seeds were run
	MaxWorkers  = 16384     // workers that have counted anything, each incarnation for itself
	MaxCounters = 512       // of one worker
	MaxText     = 4096      // bytes of a name, a commit, a class, a counter, or a message
	maxSpans    = 1 << 17   // of the seeds of a commit
	maxClaims   = 4096      // at once, and as many that were taken away
	maxHead     = 48 << 20  // bytes
	maxCount    = 1 << 30   // of operations and exceptions of a tape
	maxTape     = 64 << 20  // bytes
	maxSeed     = 1<<64 - 2 // the last seed; one more is still a number
)

// document is the head of a campaign's bucket.
type document struct {
	Of    string
	State State
	// Present are the workers that are at work, or died at it, by name.
	Present map[string]presence
	Claims  []claim
	// Orphans are seeds whose worker died, to be run before all others.
	Orphans []claim
}

// presence is a worker at work.
type presence struct {
	Incarnation string `json:"incarnation"` // differs from start to start of a worker
	Beat        uint64 `json:"beat"`        // raised with every sign of life
}

// claim is seeds that a worker is at, or that one has died of.
type claim struct {
	Commit string `json:"commit,omitempty"`
	From   uint64 `json:"from"`
	To     uint64 `json:"to"`               // the last one
	Worker string `json:"worker,omitempty"` // name; "" of an orphan
	// Nth tells the claims of a worker apart, by its incarnation and their number.
	Nth   string `json:"nth,omitempty"`
	Tries int    `json:"tries,omitempty"` // workers that died of it, where it is one seed
}

// documentJSON is the form of a document: maps have their keys in order, so that equal
// documents are equal bytes.
type documentJSON struct {
	Version   int                          `json:"joinery_campaign"`
	Of        string                       `json:"of"`
	Seeds     map[string][][2]uint64       `json:"seeds"`
	Abandoned map[string][][2]uint64       `json:"abandoned"`
	Counters  map[string]map[string]uint64 `json:"counters"`
	Failures  map[string]failureJSON       `json:"failures"`
	Present   map[string]presence          `json:"present,omitempty"`
	Claims    []claim                      `json:"claims,omitempty"`
	Orphans   []claim                      `json:"orphans,omitempty"`
}

type failureJSON struct {
	Operations int    `json:"operations"`
	Exceptions int    `json:"exceptions"`
	Bytes      int    `json:"bytes"`
	Tape       string `json:"tape"`
	Seed       uint64 `json:"seed"`
	Commit     string `json:"commit"`
	Message    string `json:"message"`
}

// encode writes a document, having made sure that it can be read again.
func (d *document) encode() ([]byte, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	j := documentJSON{
		Version: documentVersion, Of: d.Of, Seeds: pairs(d.State.Seeds), Abandoned: pairs(d.State.Abandoned),
		Counters: map[string]map[string]uint64{}, Failures: make(map[string]failureJSON),
		Present: d.Present, Claims: d.Claims, Orphans: d.Orphans,
	}
	for _, worker := range slices.Sorted(maps.Keys(d.State.Counters)) {
		counters := d.State.Counters[worker]
		if counters == nil {
			counters = map[string]uint64{}
		}
		j.Counters[worker] = counters
	}
	for _, class := range d.State.Classes() {
		j.Failures[class] = failureJSON(d.State.Failures[class])
	}
	b, err := json.Marshal(&j)
	if err == nil && len(b) > maxHead {
		err = fmt.Errorf("%w: its head takes %d bytes, at most %d are kept; go on in another bucket, or under another prefix", ErrFull, len(b), maxHead)
	}
	return b, err
}

func pairs(sets map[string]causal.Spans) map[string][][2]uint64 {
	all := make(map[string][][2]uint64)
	for _, commit := range slices.Sorted(maps.Keys(sets)) {
		all[commit] = [][2]uint64{}
		for _, s := range sets[commit] {
			all[commit] = append(all[commit], [2]uint64{s.Lo, s.Hi})
		}
	}
	return all
}

// decode reads a document. What is none, or of a version of its own, wraps [ErrForeign].
func decode(b []byte) (*document, error) {
	foreign := func(format string, args ...any) (*document, error) {
		return nil, fmt.Errorf("%w: %s; give the campaign a bucket, a folder or a prefix of its own", ErrForeign, fmt.Sprintf(format, args...))
	}
	if len(b) > maxHead {
		return foreign("its head takes %d bytes, that of a campaign at most %d", len(b), maxHead)
	}
	var head struct {
		Version *int `json:"joinery_campaign"`
	}
	if err := json.Unmarshal(b, &head); err != nil || head.Version == nil {
		return foreign("its head begins with %.40q, which is not how that of a campaign does", b)
	}
	if *head.Version != documentVersion {
		return foreign("its campaign is of version %d, this program has version %d", *head.Version, documentVersion)
	}
	var j documentJSON
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&j); err != nil {
		return foreign("its head is damaged: %v", err)
	}
	d := &document{Of: j.Of, Present: j.Present, Claims: j.Claims, Orphans: j.Orphans}
	d.State.Counters = j.Counters
	d.State.Failures = make(map[string]Failure)
	for _, class := range slices.Sorted(maps.Keys(j.Failures)) {
		d.State.Failures[class] = Failure(j.Failures[class])
	}
	d.State.Seeds, d.State.Abandoned = spans(j.Seeds), spans(j.Abandoned)
	if err := d.check(); err != nil {
		return foreign("its head is damaged: %v", err)
	}
	return d, nil
}

func spans(all map[string][][2]uint64) map[string]causal.Spans {
	sets := make(map[string]causal.Spans)
	for _, commit := range slices.Sorted(maps.Keys(all)) {
		set := causal.Spans{}
		for _, p := range all[commit] {
			set = append(set, causal.Span{Lo: p[0], Hi: p[1]})
		}
		sets[commit] = set
	}
	return sets
}

// check refuses what passes a bound, or is no document.
func (d *document) check() error {
	s := &d.State
	for _, of := range []struct {
		what      string
		has, most int
	}{
		{"classes of failures", len(s.Failures), MaxClasses}, {"commits", max(len(s.Seeds), len(s.Abandoned)), MaxCommits},
		{"workers", max(len(s.Counters), len(d.Present)), MaxWorkers}, {"claims", max(len(d.Claims), len(d.Orphans)), maxClaims},
	} {
		if of.has > of.most {
			return fmt.Errorf("%w: %d %s, at most %d are kept; go on in another bucket, or under another prefix", ErrFull, of.has, of.what, of.most)
		}
	}
	if err := checkText("what the campaign is of", d.Of); err != nil {
		return err
	}
	for _, sets := range []map[string]causal.Spans{s.Seeds, s.Abandoned} {
		for _, commit := range slices.Sorted(maps.Keys(sets)) {
			if err := checkSeeds(commit, sets[commit]); err != nil {
				return err
			}
		}
	}
	for _, worker := range slices.Sorted(maps.Keys(s.Counters)) {
		if err := checkCounters(worker, s.Counters[worker]); err != nil {
			return err
		}
	}
	for _, class := range s.Classes() {
		if err := checkFailure(class, s.Failures[class]); err != nil {
			return err
		}
	}
	return d.checkWork()
}

// checkWork refuses workers and claims that cannot be.
func (d *document) checkWork() error {
	for _, name := range slices.Sorted(maps.Keys(d.Present)) {
		if err := checkText("a worker", name+d.Present[name].Incarnation); err != nil {
			return err
		}
	}
	for _, c := range slices.Concat(d.Claims, d.Orphans) {
		if err := checkText("a claim", c.Commit+c.Worker+c.Nth); err != nil {
			return err
		}
		if c.From < 1 || c.From > c.To || c.To > maxSeed || c.Tries < 0 || c.Tries > maxCount {
			return fmt.Errorf("%w: a claim of seeds %d to %d, tried %d times", ErrOptions, c.From, c.To, c.Tries)
		}
	}
	return nil
}

func checkText(what, text string) error {
	switch {
	case len(text) > MaxText:
		return fmt.Errorf("%w: %s has %d bytes, at most %d are kept", ErrFull, what, len(text), MaxText)
	case !utf8.ValidString(text):
		return fmt.Errorf("%w: %s is not in UTF-8: %.40q", ErrOptions, what, text)
	}
	return nil
}

func checkSeeds(commit string, s causal.Spans) error {
	if err := checkText("a commit", commit); err != nil {
		return err
	}
	if len(s) > maxSpans {
		return fmt.Errorf("%w: seeds of commit %.40q in %d pieces, at most %d are kept", ErrFull, commit, len(s), maxSpans)
	}
	last := uint64(0)
	for i, x := range s {
		if x.Lo < 1 || x.Lo > x.Hi || x.Hi > maxSeed || i > 0 && x.Lo <= last+1 {
			return fmt.Errorf("%w: seeds %d to %d of commit %.40q after %d: want pieces in order that do not touch", ErrOptions, x.Lo, x.Hi, commit, last)
		}
		last = x.Hi
	}
	return nil
}

func checkCounters(worker string, counters map[string]uint64) error {
	if err := checkText("a worker", worker); err != nil {
		return err
	}
	if len(counters) > MaxCounters {
		return fmt.Errorf("%w: worker %.40q has %d counters, at most %d are kept", ErrFull, worker, len(counters), MaxCounters)
	}
	for _, name := range slices.Sorted(maps.Keys(counters)) {
		if err := checkText("a counter", name); err != nil {
			return err
		}
	}
	return nil
}

func checkFailure(class string, f Failure) error {
	for _, of := range [][2]string{{"a class of failures", class}, {"a commit", f.Commit}, {"the message of a failure", f.Message}} {
		if err := checkText(of[0], of[1]); err != nil {
			return err
		}
	}
	for _, n := range []int{f.Operations, f.Exceptions} {
		if n < 0 || n > maxCount || f.Bytes < 0 || f.Bytes > maxTape {
			return fmt.Errorf("%w: failure %.80q counts %d operations, %d exceptions, %d bytes", ErrOptions, class, f.Operations, f.Exceptions, f.Bytes)
		}
	}
	if hash, err := hex.DecodeString(f.Tape); err != nil || f.Tape != "" && len(hash) != 32 || hex.EncodeToString(hash) != f.Tape {
		return fmt.Errorf("%w: the tape of failure %.80q is %.80q, want a SHA-256 in hexadecimal", ErrOptions, class, f.Tape)
	}
	return nil
}

// Clip is a text as a campaign keeps it: in UTF-8, and cut at [MaxText] bytes.
func Clip(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= MaxText {
		return text
	}
	cut := MaxText
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut]
}

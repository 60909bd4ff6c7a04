package report

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/joinery-go/joinery/cmd/storebench/internal/measure"
)

// TestAnswersOfSnapshots: beside the mean stands the worst.
func TestAnswersOfSnapshots(t *testing.T) {
	d := Data{Snapped: []measure.Snapped{
		{Engine: "lsm", Fraction: 0.01, New: 110, Changed: 100, Seconds: 1, FullDump: 10},
		{Engine: "lsm", Fraction: 0.5, New: 500, Changed: 500, Seconds: 5, FullDump: 10},
		{Engine: "lsm", Fraction: 0.01, New: 150, Changed: 100, Seconds: 4, FullDump: 10},
	}}
	assert.Equal(t, []string{
		"lsm: at 1% changed 1.30 (worst 1.50) of the changed bytes and 0.25 (worst 0.40) of a full dump's time, " +
			"at 50% changed 1.00 (worst 1.00) of the changed bytes and 0.50 (worst 0.50) of a full dump's time.",
	}, answerSnapshots(d))
	d.Series = []measure.Series{{
		Engine: "lsm", Fraction: 0.01, Snapshots: 200, MeanNew: 1.1, WorstNew: 1.3, WorstBeside: 1.15, All: 260, Changes: 100, Bound: measure.Bound("lsm", 201, 100), Seconds: 0.002,
		WorstSeconds: 0.03, FullDump: 0.04, Segments: 9,
	}}
	assert.Equal(t, []string{
		"lsm, 200 snapshots with 1% changed before each: a snapshot waits for 1.10 (worst 1.30, or 1.15 without the head, which names all versions) of the changed bytes, and takes 2.0 ms at the median " +
			"(worst 30.0), 0.05 of a full dump's; a restore of the last one reads 9 segments. All bytes uploaded, the first version with them, are 2.60 times all " +
			"that changed; the bound is max(1, log_r(N)), 3.83 after 201 versions.",
	}, answerSeries(d))
}

// TestAnswersOfRates: what keeps no budget is not compared under one, and what counts no merges is not
// among those of which their number is given.
func TestAnswersOfRates(t *testing.T) {
	of := func(engine, workload string, sets float64, merges, budget *int64) measure.Compared {
		return measure.Compared{Engine: engine, Workload: workload, Sets: sets, Gets: sets, P999: 7, TailMerges: merges, Budget: budget, Memory: new(int64(2000))}
	}
	d := Data{Compared: []measure.Compared{
		of("lsm", "merging", 4e6, new(int64(3)), nil), of("map", "merging", 8e6, nil, nil), of("pebble-alone", "merging", 2e6, nil, nil),
		of("lsm", "larger-than-memory", 3e6, new(int64(0)), new(int64(1000))), of("map", "larger-than-memory", 9e6, nil, nil),
		of("pebble-alone", "larger-than-memory", 9e6, nil, nil),
	}}
	assert.Equal(t, []string{
		"merging: sets are fastest on map, 8.00 M/s.",
		"merging: sets and gets in multiples of Pebble's alone: lsm 2.0 and 2.0; map 4.0 and 4.0.",
		"merging: sets and gets in multiples of the map's: lsm 0.5 and 0.5; pebble-alone 0.25 and 0.25.",
		"merging: 999 of 1000 sets take at most, in microseconds: lsm 7, map 7, pebble-alone 7. Background merges that ended meanwhile: lsm 3. " +
			"This is the tail with merges running, of those engines of which some have ended; under the other workloads few run, or none.",
	}, answerRates(d, "merging"))
	assert.Equal(t, []string{
		"larger-than-memory: lsm holds 2000 bytes in memory, over its budget of 1000.",
		"larger-than-memory: sets are fastest on lsm, 3.00 M/s.",
		"larger-than-memory: 999 of 1000 sets take at most, in microseconds: lsm 7. Background merges that ended meanwhile: lsm 0.",
	}, answerRates(d, "larger-than-memory"))
}

func TestAnswersOfLazyOpening(t *testing.T) {
	d := Data{Lazied: []measure.Lazied{
		{Engine: "lsm", Keys: 10_000, Rounds: 15, First: 0.0005, Worst: 0.002, Eager: 0.02}, {Engine: "lsm", Keys: 1_000_000, Rounds: 15, First: 0.0006, Worst: 0.003, Eager: 1.5},
	}}
	assert.Equal(t, []string{
		"lsm, opened lazily in an empty directory, answers its first get with 10000 keys after 0.5 ms (median of 15, worst 2.0), and after 20 where all of it is " +
			"restored first; with 1000000 keys after 0.6 ms (median of 15, worst 3.0), and after 1500 where all of it is restored first. With 1000000 keys that takes " +
			"1.20 times as long as with 10000.",
		"The other engines do not open lazily: they must read all of a version to find a key.",
	}, answerLazy(d))
	assert.Empty(t, answerLazy(Data{}))
}

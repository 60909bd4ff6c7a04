package doors_test

import (
	"testing"

	"example.com/bookmarks/doors"
	"github.com/joinery-go/joinery/laws"
	"pgregory.net/rapid"
)

var (
	words  = rapid.SampledFrom([]string{"ox", "hen", "cow"})
	counts = rapid.Map(rapid.MapOfN(words, rapid.IntRange(1, 9), 0, 3), func(m map[string]int) doors.Counts { return m })
	config = rapid.Custom(func(t *rapid.T) doors.Config {
		return doors.Config{Host: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "host"), Paths: rapid.SliceOfN(words, 0, 2).Draw(t, "paths")}
	})
	peers = rapid.Custom(func(t *rapid.T) doors.Peers {
		cluster := rapid.SampledFrom([]string{"east", "west"}).Draw(t, "cluster")
		return doors.Peers{Cluster: cluster, Seen: rapid.MapOfN(words, rapid.IntRange(1, 9), 0, 3).Draw(t, "seen")}
	})
	stations = rapid.Custom(func(t *rapid.T) doors.Stations {
		n := rapid.IntRange(0, 5)
		return doors.Stations{n.Draw(t, "first"), n.Draw(t, "second"), n.Draw(t, "third")}
	})
	votes = rapid.IntRange(1, 3)
)

func start() doors.Stations { return doors.Stations{} }

func TestMonoid(t *testing.T) { laws.CheckMonoid(t, doors.Sum, nil, counts) }

func TestBand(t *testing.T) { laws.CheckBand(t, doors.Fill, config) }

func TestMethod(t *testing.T) { laws.CheckMethod(t, (*doors.Peers).Merge, peers, laws.MayRefuse()) }

func TestCodec(t *testing.T) { laws.CheckCodec(t, doors.Encode, doors.Decode, config) }

func TestMorphism(t *testing.T) {
	laws.CheckMorphism(t, doors.Met, doors.Greatest, doors.Either, counts)
}

func TestMonotone(t *testing.T) {
	laws.CheckMonotone(t, doors.Size, doors.Greatest, func(a, b int) bool { return a <= b }, counts)
}

func TestOrder(t *testing.T) { laws.CheckOrder(t, doors.Older, stations, laws.MergedBy(doors.Join)) }

func TestDelta(t *testing.T) {
	apply := func(s doors.Stations, station, n int) doors.Stations { s[station] += n; return s }
	laws.CheckDelta(t, laws.Replicated[doors.Stations, int]{Start: start, Apply: apply, Delta: doors.Count, Merge: doors.Join, Ops: votes})
}

func TestConverge(t *testing.T) {
	laws.Converge(t, laws.Replicated[doors.Stations, int]{
		Start: start, Apply: doors.Add, Merge: doors.Join, Ops: votes,
		Value: func(s doors.Stations) any { return doors.Votes(s) },
		Model: func(seen []laws.Event[int]) any {
			sum := 0
			for _, e := range seen {
				sum += e.Op
			}
			return sum
		},
	})
}

func TestConvergeOps(t *testing.T) {
	laws.ConvergeOps(t, laws.OperationBased[int, int, int]{
		Start: func() int { return 0 }, Prepare: func(_, _, n int) int { return n }, Effect: doors.Deliver, Ops: votes,
	})
}

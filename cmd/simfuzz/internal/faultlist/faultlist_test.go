package faultlist

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim/scenario"
)

// recorded runs a seed under faults and gives its tape with the replay of it.
func recorded(t *testing.T, faults string, seed uint64) (*scenario.Tape, *scenario.Result) {
	t.Helper()
	res, err := scenario.Run(t.Context(), scenario.Config{Faults: faults}, seed)
	require.NoError(t, err)
	tape, again, err := scenario.Record(t.Context(), res)
	require.NoError(t, err)
	return tape, again
}

// few cuts a tape down to its first decisions of a site, with everything else that
// a site needs to be asked, and replays it.
func few(t *testing.T, tape *scenario.Tape, keep func(choice.Decision) bool) (*scenario.Tape, *scenario.Result) {
	t.Helper()
	small := *tape
	small.Decisions = nil
	for _, d := range tape.Decisions {
		if keep(d) && len(small.Decisions) < 6 {
			small.Decisions = append(small.Decisions, d)
		}
	}
	res, err := scenario.Replay(t.Context(), &small)
	require.NoError(t, err)
	return &small, res
}

// Faults of every class are told with the node or link that they strike, and when.
func TestEveryClass(t *testing.T) {
	node, at := `[nc]\d`, `[0-9.µm]+s`
	link := node + `->` + node + ` at ` + at
	anyLink := regexp.MustCompile(link)
	for faults, c := range map[string]struct {
		site, want string
	}{
		"off,drop=extreme":                  {"net.drop", `^drop message ` + link + ` \((gossip|request|response|snapshot)\)$`},
		"off,duplicate=extreme":             {"net.duplicate", `^duplicate message ` + link + ` \(\w+, again at ` + at + `(, ` + at + `)*\)$`},
		"off,delay=extreme":                 {"net.delay", `^delay message ` + link + ` \(\w+, (arrives at ` + at + ` instead of ` + at + `|due at ` + at + `, and then lost)\)$`},
		"off,corrupt=extreme":               {"net.corrupt", `^corrupt message ` + link + ` \(\w+, arrives at ` + at + `\)$`},
		"off,partition=extreme":             {"net.partition", `^partition at ` + at + ` \(.*n\d.* for ` + at + `(; first strikes ` + link + `)?\)$`},
		"off,bridge=extreme":                {"net.bridge", `^bridge at ` + at + ` \(.* for ` + at + `(; first strikes ` + link + `)?\)$`},
		"off,flap=extreme":                  {"net.flap", `^flap at ` + at + ` \(flapping .*n\d.* for ` + at + `(; first strikes ` + link + `)?\)$`},
		"off,burst=extreme":                 {"net.burst", `^burst of losses at ` + at + ` \(.*n\d.*\)$`},
		"off,clog=extreme":                  {"net.clog", `^clog at ` + at + ` \(.* for ` + at + `(; first strikes ` + link + `)?\)$`},
		"off,filter=extreme":                {"net.filter", `^filter at ` + at + ` \(.*\)$`},
		"off,crash=extreme":                 {"sim.crash", `^crash n\d at ` + at + ` \((comes back at ` + at + `|does not come back)\)$`},
		"off,mid-crash=extreme":             {"sim.midcrash", `^crash n\d at ` + at + ` \(comes back at ` + at + `\)$`},
		"off,outage=extreme":                {"sim.outage", `^crash n\d(, n\d)+ at ` + at + ` \(comes back at ` + at + `(, comes back at ` + at + `)+\)$`},
		"off,pause=extreme":                 {"sim.pause", `^pause n\d at ` + at + ` \(for ` + at + `\)$`},
		"off,slow=extreme":                  {"sim.slow", `^slow down n\d at ` + at + ` \(until ` + at + `: ` + at + ` an event\)$`},
		"off,clock=extreme":                 {"sim.clock", `^disturb the clock of n\d at ` + at + ` \((step|drift|freeze|jitter) of size -?\d\)$`},
		"off,crash=extreme,restore=extreme": {"sim.restore", `^take back the disk of n\d at ` + at + ` \(to \d of 4 parts of its history\)$`},
		"off,disk=extreme":                  {"disk.slow", `^slow down a request to the disk of n\d, seen at ` + at + `$`},
		"off,disk-error=extreme":            {"disk.", `^fail a (write to|sync of) the disk of n\d, seen at ` + at + `$`},
	} {
		t.Run(c.site, func(t *testing.T) {
			want := regexp.MustCompile(c.want)
			told, silent, links := 0, 0, 0
			for seed := uint64(1); seed < 12 && told < 8; seed++ {
				whole, _ := recorded(t, faults, seed)
				tape, res := few(t, whole, func(d choice.Decision) bool {
					return strings.HasPrefix(d.Site, c.site) || c.site == "sim.restore" && d.Site == "sim.crash"
				})
				lines, err := Describe(t.Context(), tape, res)
				require.NoError(t, err)
				require.Len(t, lines, len(tape.Decisions))
				for i, line := range lines {
					if !strings.HasPrefix(tape.Decisions[i].Site, c.site) {
						continue
					}
					if strings.Contains(line, "which changes nothing") {
						silent++
						continue
					}
					told++
					assert.Regexp(t, want, line)
					if anyLink.MatchString(line) {
						links++
					}
				}
			}
			assert.Positive(t, told, "nothing was told of the site")
			assert.LessOrEqual(t, silent, told, "most faults show")
			if strings.HasPrefix(c.site, "net.") {
				assert.Positive(t, links, "and most name a link")
			}
		})
	}
}

// What is told of crashes and messages agrees with the trace, in which the key of a
// crash is that of its decision, and that of a message the one under which its
// faults are asked.
func TestAgreesWithTheTrace(t *testing.T) {
	type event struct{ at, node, from string }
	checked := map[string]int{}
	for seed := range uint64(12) {
		whole, _ := recorded(t, []string{"off,crash=extreme", "off,corrupt=extreme", "off,delay=low"}[seed%3], seed)
		tape, res := few(t, whole, func(choice.Decision) bool { return true })
		lines, err := Describe(t.Context(), tape, res)
		require.NoError(t, err)
		var trace strings.Builder
		require.NoError(t, res.WriteTrace(&trace))
		byKey := map[string]event{}
		for line := range strings.Lines(trace.String()) {
			if f := strings.Fields(line); len(f) > 4 && (f[2] == "crash" || f[2] == "msg") {
				key := f[len(f)-2]
				from := ""
				if f[2] == "msg" {
					from = f[4]
				}
				byKey[key] = event{f[0], f[1], from}
			}
		}
		for i, d := range tape.Decisions {
			e, met := byKey["["+scenario.FormatHash(d.Key)+"]"]
			if !met {
				continue
			}
			name := func(node string) string { // clients are behind the replicas
				n, err := strconv.Atoi(node[1:])
				require.NoError(t, err)
				if n >= tape.Setup.Nodes {
					return "c" + strconv.Itoa(n-tape.Setup.Nodes)
				}
				return node
			}
			nanoseconds, err := strconv.ParseInt(e.at, 10, 64)
			require.NoError(t, err)
			at := time.Duration(nanoseconds).String()
			switch d.Site {
			case "sim.crash":
				checked[d.Site]++
				assert.True(t, strings.HasPrefix(lines[i], "crash "+e.node+" at "+at+" ("), "%s: %+v", lines[i], e)
			case "net.corrupt", "net.delay":
				checked[d.Site]++
				assert.Contains(t, lines[i], " message "+name(e.from)+"->"+name(e.node)+" at ", "%+v", e)
				assert.Contains(t, lines[i], "arrives at "+at, "%+v", e)
			}
		}
	}
	assert.Greater(t, checked["sim.crash"], 3)
	assert.Greater(t, checked["net.corrupt"]+checked["net.delay"], 3)
}

// The tapes that are kept of what once broke are told whole.
func TestKeptTapes(t *testing.T) {
	paths, err := filepath.Glob("../../../../sim/scenario/testdata/*/tape.json")
	require.NoError(t, err)
	require.Greater(t, len(paths), 20)
	for _, path := range paths {
		f, err := os.Open(path)
		require.NoError(t, err)
		tape, err := scenario.LoadTape(f)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		res, err := scenario.Replay(t.Context(), tape)
		require.NoError(t, err)
		lines, err := Describe(t.Context(), tape, res)
		require.NoError(t, err)
		if len(tape.Decisions) > Most {
			require.Len(t, lines, Most+1)
			assert.Regexp(t, `^and \d+ more, which the tape lists$`, lines[Most])
			continue
		}
		require.Len(t, lines, len(tape.Decisions), path)
		for i, line := range lines {
			assert.Regexp(t, `at [0-9.]+m?s|which changes nothing`, line, "%s: %s", path, tape.Decisions[i].Site)
		}
	}
}

func TestDescribeStops(t *testing.T) {
	tape, res := recorded(t, "off,crash=extreme", 3)
	require.NotEmpty(t, tape.Decisions)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Describe(ctx, tape, res)
	require.ErrorIs(t, err, context.Canceled)
	tape.Decisions = nil
	lines, err := Describe(t.Context(), tape, res)
	require.NoError(t, err)
	assert.Empty(t, lines)
}

const small = `          time  n0      n1      c0
          10ms  │       │       ●          #1 s0: add "a" to "s" at n1
          12ms  │       │◀──────●          request 20 B, sent 10ms
          14ms  ●─────✗ │       │          gossip to n1 lost: drop
          15ms  │       ╳       │       ▒  crash
   16.0000001s  ●───────┼──────▶│          response 9 B, sent 15ms, duplicate+delay
          17ms  │       ┊       │          # n1: paused for 6ms
          18ms  │       ◯       │
… and 3 more rows, beyond the bound of 7
`

func TestParse(t *testing.T) {
	d, err := parse(small)
	require.NoError(t, err)
	assert.Equal(t, []string{"n0", "n1", "c0"}, d.lanes)
	assert.Equal(t, []row{
		{"10ms", signEvent, 2, -1, `#1 s0: add "a" to "s" at n1`},
		{"12ms", signEvent, 2, 1, "request 20 B, sent 10ms"},
		{"14ms", signEvent, 0, -1, "gossip to n1 lost: drop"},
		{"15ms", signCrash, 1, -1, "crash"},
		{"16.0000001s", signEvent, 0, 2, "response 9 B, sent 15ms, duplicate+delay"},
		{"17ms", 0, -1, -1, "# n1: paused for 6ms"},
		{"18ms", signStart, 1, -1, ""},
	}, d.rows)
	assert.Equal(t, "c0", d.name(2))
	assert.Equal(t, "-", d.name(3))
	assert.Equal(t, "-", d.name(-1))
	assert.Equal(t, 2, d.laneOf("n2"), "notes count clients as nodes")
	assert.Equal(t, 2, d.laneOf("c0"))
	assert.Equal(t, -1, d.laneOf("n3"))
	for _, bad := range []string{"", "time", "no head\n", "time n0\n\n", "time n0\n10ms"} {
		_, err := parse(bad)
		assert.Error(t, err, "%q", bad)
	}

	m, ok := messageOf(d.rows[4].label)
	assert.True(t, ok)
	assert.Equal(t, message{"response 9 B", "15ms", []string{"duplicate", "delay"}}, m)
	assert.True(t, m.by("delay"))
	assert.False(t, m.by("drop"))
	assert.Equal(t, "response", m.kind())
	_, ok = messageOf("crash")
	assert.False(t, ok)
	kind, to, why, ok := lossOf(d.rows[2].label)
	assert.Equal(t, []any{"gossip", "n1", "drop", true}, []any{kind, to, why, ok})
	_, _, _, ok = lossOf("crash")
	assert.False(t, ok)
}

func TestDifference(t *testing.T) {
	d, err := parse(small)
	require.NoError(t, err)
	_, differ := difference(d.rows, d.rows)
	assert.False(t, differ)
	less := slices.Delete(slices.Clone(d.rows), 3, 4)
	at, differ := difference(d.rows, less)
	assert.True(t, differ)
	assert.Equal(t, 3, at)
	at, differ = difference(d.rows, d.rows[:5])
	assert.True(t, differ)
	assert.Equal(t, 5, at)
}

// What a fault does that is not what its site usually does is told as it shows.
func TestUnusual(t *testing.T) {
	with, err := parse(small)
	require.NoError(t, err)
	without := with
	without.rows = slices.Delete(slices.Clone(with.rows), 3, 4)
	said := func(site string) string { return describe(choice.Decision{Site: site, Value: 7}, with, without) }
	assert.Equal(t, "crash n1 at 15ms (comes back at 18ms)", said("sim.crash"))
	assert.Equal(t, "net.drop = 7, seen at 15ms at n1 (crash)", said("net.drop"))
	assert.Equal(t, "unheard.of = 7, seen at 15ms at n1 (crash)", said("unheard.of"))
	assert.Equal(t, "fail a sync of the disk of n1, seen at 15ms", said("disk.sync"))
	assert.Equal(t, "net.drop = 7, which changes nothing that is drawn", describe(choice.Decision{Site: "net.drop", Value: 7}, with, with))
	without.rows = with.rows[:6]
	assert.Equal(t, "x = 7, seen at 18ms at n1", said("x"))
	short := with
	short.rows = with.rows[:1]
	assert.Equal(t, "let a record rot on the disk of c0, seen at 12ms", describe(choice.Decision{Site: "disk.rot", Value: 7}, short, with), "what is missing counts as well")
}

// FuzzRead: whatever a file holds, it is a diagram or an error.
func FuzzRead(f *testing.F) {
	f.Add("          time  n0      n1\n          10ms  │       ●       crash\n          11ms  ●──────▶│       gossip 8 B, sent 10ms\n…\n")
	f.Add("time n0\n1s\n")
	f.Add("time n0\n 1s  ◀")
	f.Fuzz(func(t *testing.T, text string) {
		rows, err := Read(text)
		if err == nil && len(rows) > strings.Count(text, "\n")+1 {
			t.Errorf("%d rows of %d lines", len(rows), strings.Count(text, "\n"))
		}
	})
}

// TestNodesGoByTheirLanes: what a network notes numbers all nodes, and lanes have names.
func TestNodesGoByTheirLanes(t *testing.T) {
	d := diagram{lanes: []string{"n0", "n1", "c0"}}
	assert.Equal(t, "partition {c0} ≁ {n0 n1} for 5ms, n3", d.named("partition {n2} ≁ {n0 n1} for 5ms, n3"))
}

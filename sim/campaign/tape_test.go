package campaign_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/campaign/examples/chain"
)

// aTape is a whole tape, as a file.
func aTape(t testing.TB) (campaign.Protocol, string) {
	t.Helper()
	p := toy(nil)
	r, err := p.Fuzz(t.Context(), campaign.Options{Seeds: 100, Failures: 1})
	require.NoError(t, err)
	tape, _, err := p.Record(t.Context(), r.Failures[0])
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, tape.Write(&b))
	return p, b.String()
}

// TestForeignTapes: what is no tape of this protocol, this version of it and this
// version of tapes is refused, and the error says which it is.
func TestForeignTapes(t *testing.T) {
	p, whole := aTape(t)
	other := chain.Protocol()
	for what, c := range map[string]struct {
		text string
		is   error
	}{
		"empty":                               {" \n", campaign.ErrTape},
		"unexpected end":                      {whole[:len(whole)-3], campaign.ErrTape},
		"invalid character":                   {"\x00", campaign.ErrTape},
		"is this a tape?":                     {"{}", campaign.ErrTape},
		"which simfuzz replays":               {`{"joinery_tape": 5}`, campaign.ErrVersion},
		"version 2 of tapes, this program":    {strings.Replace(whole, `"joinery_protocol_tape": 1`, `"joinery_protocol_tape": 2`, 1), campaign.ErrVersion},
		`it is of protocol "lease", this`:     {strings.Replace(whole, `"counter"`, `"lease"`, 1), campaign.ErrVersion},
		`version 4 of "counter", which is`:    {strings.Replace(whole, `"protocol_version": 3`, `"protocol_version": 4`, 1), campaign.ErrVersion},
		"unknown field":                       {strings.Replace(whole, `"protocol_version"`, `"extra": 1, "protocol_version"`, 1), campaign.ErrTape},
		"is not a hexadecimal number":         {strings.Replace(whole, `"trace_hash": "`, `"trace_hash": "x`, 1), campaign.ErrTape},
		"want ID at TIME":                     {strings.Replace(whole, `"operations": [`, `"operations": ["1",`, 1), campaign.ErrTape},
		"ids must ascend":                     {strings.Replace(whole, `"operations": [`, `"operations": ["99 at 1ms n0 count \"\" \"\"",`, 1), campaign.ErrTape},
		"is for node 9 of 3":                  {strings.Replace(whole, `"operations": [`, `"operations": ["1 at 1ms n9 count \"\" \"\"",`, 1), campaign.ErrTape},
		"want SITE KEY VALUE":                 {strings.Replace(whole, `"decisions": [`, `"decisions": ["net.drop 1",`, 1), campaign.ErrTape},
		"want one of the classes":             {"", nil},
		"want one of [drop":                   {strings.Replace(whole, `"faults": {`, `"faults": {"gravity": "low",`, 1), campaign.ErrTape},
		"the number of nodes and clients is ": {strings.Replace(whole, `"nodes": 3`, `"nodes": 30000000`, 1), campaign.ErrTape},
	} {
		if c.is == nil {
			continue
		}
		require.NotEqual(t, whole, c.text, what)
		_, _, err := campaign.LoadTape(strings.NewReader(c.text), &p, &other)
		require.ErrorIs(t, err, c.is, what)
		assert.ErrorContains(t, err, what)
	}
	_, of, err := campaign.LoadTape(strings.NewReader(whole), &other, &p)
	require.NoError(t, err)
	assert.Same(t, &p, of)
	tape, _, err := campaign.LoadTape(strings.NewReader(whole), &p)
	require.NoError(t, err)
	_, err = other.Replay(t.Context(), tape)
	require.ErrorIs(t, err, campaign.ErrVersion)
	_, err = p.Bisect(t.Context(), &campaign.Tape{Protocol: p.Name, Version: p.Version, Setup: tape.Setup})
	require.ErrorIs(t, err, campaign.ErrHolds)
	_, err = p.Shrink(t.Context(), &campaign.Tape{Protocol: p.Name, Version: p.Version, Setup: tape.Setup}, 0)
	require.ErrorIs(t, err, campaign.ErrHolds)
}

// FuzzLoadTape: a decoder refuses, or gives a tape that can be run and that writes what
// reads back as itself.
func FuzzLoadTape(f *testing.F) {
	p, whole := aTape(f)
	f.Add([]byte(whole))
	f.Add([]byte("{}"))
	f.Add([]byte(strings.Replace(whole, `"decisions": [`, `"decisions": ["own 00 3",`, 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		tape, _, err := campaign.LoadTape(bytes.NewReader(data), &p)
		if err != nil {
			return
		}
		var b, c bytes.Buffer
		require.NoError(t, tape.Write(&b))
		again, _, err := campaign.LoadTape(bytes.NewReader(b.Bytes()), &p)
		require.NoError(t, err)
		require.NoError(t, again.Write(&c))
		require.Equal(t, b.String(), c.String())
		if tape.Setup.Nodes <= 9 && tape.Setup.Events <= 100_000 && tape.Setup.Horizon <= sim.Second {
			_, err = p.Replay(t.Context(), tape)
			require.NoError(t, err)
		}
	})
}

// TestOpsParseBack: every operation that can be planned is read back as it was.
func TestOpsParseBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := campaign.Op{
			ID: rapid.Uint64Min(1).Draw(t, "id"), At: sim.Time(rapid.Int64Range(0, int64(sim.Second)).Draw(t, "at")),
			Node: sim.NodeID(rapid.IntRange(0, 300).Draw(t, "node")), Func: rapid.StringMatching(`[a-zA-Z_.-]{1,20}`).Draw(t, "func"),
			Key: rapid.String().Draw(t, "key"), Arg: rapid.String().Draw(t, "arg"),
		}
		back, err := campaign.ParseOp(o.String())
		require.NoError(t, err)
		require.Equal(t, o, back)
	})
	for _, line := range []string{"", "0 at 1ms n0 f \"\" \"\"", "1 at x n0 f \"\" \"\"", "1 at 1ms m0 f \"\" \"\"", "1 at 1ms n0 f x \"\"", "1 at 1ms n0 f \"\" \"\" more", "1 at -1ms n0 f \"\" \"\""} {
		_, err := campaign.ParseOp(line)
		require.ErrorIs(t, err, campaign.ErrTape, line)
	}
}

// TestLevels: levels are written by name, read back, and a class that is not there is
// refused.
func TestLevels(t *testing.T) {
	l := campaign.Bears(sim.Drop, sim.Rot).With(sim.Low, sim.Drop).With(sim.Extreme, sim.Crash)
	assert.Equal(t, "drop=low crash=extreme rot=drawn", l.String())
	l = l.With(sim.Off, sim.Rot)
	b, err := json.Marshal(l)
	require.NoError(t, err)
	assert.JSONEq(t, `{"drop":"low","crash":"extreme"}`, string(b))
	var back campaign.Levels
	require.NoError(t, json.Unmarshal(b, &back))
	assert.Equal(t, l, back)
	for _, bad := range []string{`{"gravity":"low"}`, `{"drop":"drawn"}`, `{"drop":1}`} {
		require.Error(t, json.Unmarshal([]byte(bad), &back), bad)
	}
}

// choosing is a protocol whose failure takes a lost message and, if needed, one choice of
// its own, among hundreds.
func choosing(needed bool) campaign.Protocol {
	type picks struct {
		counter
		first int
	}
	p := toy(nil)
	p.Setup.Faults = campaign.Bears(sim.Drop)
	p.New = func(r *campaign.Run) campaign.Instance {
		nodes := map[sim.NodeID]*picks{}
		return campaign.Instance{
			Actor: func(n sim.NodeID) sim.Actor {
				a := &picks{}
				nodes[n] = a
				a.counter = counter{seen: map[string]bool{}, does: func(c *sim.Context, _ *counter) {
					if v := c.Choose("pick", 1000); a.n == 2 {
						a.first = v
					}
				}}
				return a
			},
			Check: func(r *campaign.Run) error {
				if a := nodes[1]; a.n < len(r.Ops()) && (!needed || a.first > 500) {
					return fmt.Errorf("missed: %d of %d", a.n, len(r.Ops()))
				}
				return nil
			},
		}
	}
	return p
}

// TestChoicesAreToldFromFaults: a failure that needs no choice is left with none, one that
// needs a choice with that, and faults are counted apart from both.
func TestChoicesAreToldFromFaults(t *testing.T) {
	p := choosing(false)
	_, tape := firstFailure(t, p, 100)
	assert.Zero(t, tape.Choices(), "they are drawn from the seed")
	s, err := p.Shrink(t.Context(), tape, 0)
	require.NoError(t, err)
	assert.Equal(t, []int{1, 1, 0}, []int{len(s.Tape.Operations), s.Tape.Faults(), s.Tape.Choices()})
	assert.Equal(t, campaign.Listed, s.Tape.Setup.Choices)

	p = choosing(true)
	_, tape = firstFailure(t, p, 100)
	s, err = p.Shrink(t.Context(), tape, 0)
	require.NoError(t, err)
	assert.True(t, s.Settled)
	assert.Equal(t, 1, s.Tape.Faults())
	assert.Equal(t, 1, s.Tape.Choices())
	assert.Len(t, s.Tape.Operations, 4, "three that arrive and one that is lost")
	again, err := p.Replay(t.Context(), s.Tape)
	require.NoError(t, err)
	assert.Equal(t, s.Tape.TraceHash, again.TraceHash)

	// What must come about and does not is shrunk with choices as they were drawn.
	p = choosing(false)
	wrap(&p, func(in *campaign.Instance) {
		check := in.Check
		in.Check, in.Done = nil, func(r *campaign.Run) bool { return check(r) == nil }
	})
	_, tape = firstFailure(t, p, 100)
	s, err = p.Shrink(t.Context(), tape, 0)
	require.NoError(t, err)
	assert.Equal(t, campaign.Seeded, s.Tape.Setup.Choices)
	assert.Zero(t, s.Tape.Choices())
	assert.Equal(t, "done/not done//-1", s.Tape.Violations[0])

	for site, fault := range map[string]bool{"net.drop": true, "sim.crash": true, "disk.slow": true, "fs.rot": true, "election": false, "network": false, "simple.thing": false} {
		assert.Equal(t, fault, campaign.IsFault(site), site)
	}
}

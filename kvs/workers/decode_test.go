package workers

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FuzzDecode: whatever the bytes, they are refused or read as what is written and read the
// same again.
func FuzzDecode(f *testing.F) {
	c, err := Config{Partitions: 2, Sources: 2, Procedures: map[string]Procedure{"add": counters}}.WithDefaults()
	require.NoError(f, err)
	for _, m := range []Message{
		{Kind: ItemKind, Stream: Stream{Request, 1, 2}, Seq: 4, Low: 3, Body: []byte("body")},
		{Kind: StatusKind, From: Address{WorkerRole, 3}, Incarnation: 7, Reports: []Report{{1, 2, 3}}},
		{Kind: PlanKind, Plan: &Plan{Line: 2, Members: []Member{{1, "b", 0, 2}}, Undone: []Undo{{2, 3, 4}}}},
	} {
		f.Add(m.Append(nil))
	}
	p := newPartition(&c, 1)
	p.locks["k"] = OpID{1, 2}
	p.outFinish[0] = outbox{3, []item{{4, []byte("x")}}}
	f.Add(p.encode())
	r := logRecord{number: 1, kind: opRecord, op: add("a", 1), seqs: []uint64{0, 1}}
	f.Add(encode(nil, r.code))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := DecodeMessage(data); err == nil {
			again, err := DecodeMessage(m.Append(nil))
			require.NoError(t, err)
			assert.Equal(t, m, again)
		} else {
			require.ErrorIs(t, err, ErrDecode)
		}
		if p, err := loadPartition(&c, 1, bytes.Clone(data)); err == nil {
			again, err := loadPartition(&c, 1, p.encode())
			require.NoError(t, err)
			assert.Equal(t, p, again)
		}
		var r, again logRecord
		if decode("a record", data, r.code) == nil {
			require.NoError(t, decode("a record", encode(nil, r.code), again.code))
			assert.Equal(t, r, again)
		}
		if _, err := NewSource(c, 0, [][]byte{data}); err != nil {
			require.ErrorIs(t, err, ErrDecode)
		}
		if _, err := DecodeCatalog(data); err != nil {
			require.ErrorIs(t, err, ErrDecode)
		}
	})
}

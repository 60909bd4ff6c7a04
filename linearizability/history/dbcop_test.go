package history

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// dbcopEvent is an event of a history written for a test.
type dbcopEvent struct {
	write           bool
	register, value uint64
	failed          bool
}

// dbcopText writes sessions of transactions as dbcop does; an empty last event marks one
// that aborted.
func dbcopText(sessions ...[][]dbcopEvent) string {
	var b []byte
	number := func(n uint64) { b = binary.LittleEndian.AppendUint64(b, n) }
	truth := func(t bool) {
		if t {
			b = append(b, 1)
			return
		}
		b = append(b, 0)
	}
	for n := range uint64(5) {
		number(n)
	}
	for _, text := range []string{"PostgreSQL", "2022-07-22T23:13:21+08:00", "later"} {
		number(uint64(len(text)))
		b = append(b, text...)
	}
	number(uint64(len(sessions)))
	for _, txns := range sessions {
		number(uint64(len(txns)))
		for _, events := range txns {
			committed := len(events) == 0 || events[len(events)-1] != (dbcopEvent{})
			if !committed {
				events = events[:len(events)-1]
			}
			number(uint64(len(events)))
			for _, e := range events {
				truth(e.write)
				number(e.register)
				number(e.value)
				truth(!e.failed)
			}
			truth(committed)
		}
	}
	return string(b)
}

var dbcopSample = dbcopText(
	[][]dbcopEvent{{{true, 3, 7, false}, {false, 4, 0, false}}, {{true, 4, 8, false}, {true, 4, 9, true}}},
	[][]dbcopEvent{{}, {{true, 3, 5, false}, {}}, {{false, 3, 7, false}}},
)

func TestDBCopSample(t *testing.T) {
	want := []string{
		`#0 s0 [0,1] register "3" write 7 ok txn 1`,
		`#1 s0 [2,3] register "4" read -> nil ok txn 1`,
		`#2 s0 [4,5] register "4" write 8 ok txn 2`, // the one that did not succeed is left out
		`#3 s1 [6,7] register "3" write 5 failed txn 4`,
		`#4 s1 [8,9] register "3" read -> 7 ok txn 5`,
	}
	require.Equal(t, want, strungWith(t, "dbcop", dbcopSample, Options{}))
	require.Equal(t, want, strungWith(t, Auto, dbcopSample, Options{}))
	d, err := DecodeWith(Auto, "x", strings.NewReader(dbcopSample), Options{Initial: Int(0)})
	require.NoError(t, err)
	require.True(t, d.History.Ops[1].Out.Equal(Int(0)))
	require.True(t, d.History.Untimed)
}

// A byte that is wrong, wherever it is, or the end of the file there, gives a history or
// an error that has a name and a place.
func TestDBCopWithAnyByteWrong(t *testing.T) {
	for i := range dbcopSample {
		for _, bad := range []string{dbcopSample[:i], dbcopSample[:i] + "\xff" + dbcopSample[i+1:], dbcopSample[:i] + dbcopSample[i+1:]} {
			d, err := DecodeWith("dbcop", "bad", strings.NewReader(bad), Options{})
			if err == nil {
				require.NoError(t, d.History.Validate())
				continue
			}
			require.True(t, errors.Is(err, ErrTruncated) || errors.Is(err, ErrFormat) || errors.Is(err, ErrTooLong), "byte %d: %v", i, err)
			var de *DecodeError
			require.ErrorAs(t, err, &de)
			require.Positive(t, de.Line)
			require.Contains(t, err.Error(), "byte ")
		}
	}
	read := dbcopText([][]dbcopEvent{{{false, 3, 7, false}}})
	other := dbcopText([][]dbcopEvent{{{true, 3, 7, false}}})
	neither := []byte(read)
	for i := range neither {
		if read[i] != other[i] {
			neither[i] = 2
		}
	}
	for text, want := range map[string]error{
		string(neither):               ErrFormat, // neither a read nor a write
		dbcopSample + "x":             ErrFormat,
		dbcopText([][]dbcopEvent{{}}): ErrEmpty,
		"":                            ErrTruncated,
	} {
		_, err := Decode("dbcop", "bad", strings.NewReader(text))
		require.ErrorIs(t, err, want)
	}
	_, err := DecodeLimited("dbcop", "many", strings.NewReader(dbcopSample), Limits{Ops: 2})
	require.ErrorIs(t, err, ErrTooMany)
}

func FuzzDBCop(f *testing.F) { fuzz(f, "dbcop", dbcopSample) }

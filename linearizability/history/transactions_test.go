package history

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const plumeSample = "w(1,7,0,0)\r\n r(1, 7, 1, 0)\n\nr(2,0,1,0)\nw(2,9,1,-1)\nw(3,9,1,-1)\nr(2,0,1,1)"

func strungOut(t *testing.T, format, src string) []string {
	t.Helper()
	h, err := Decode(format, "sample", strings.NewReader(src))
	require.NoError(t, err)
	var got []string
	for _, o := range h.Ops {
		got = append(got, o.String())
	}
	return got
}

func TestPlumeSample(t *testing.T) {
	require.Equal(t, []string{
		`#0 s0 [0,1] register "1" write 7 ok txn 1`,
		`#1 s1 [2,3] register "1" read -> 7 ok txn 1`,
		`#2 s1 [4,5] register "2" read -> nil ok txn 1`,
		`#3 s1 [6,7] register "2" write 9 failed txn 9223372036854775808`,
		`#4 s1 [8,9] register "3" write 9 failed txn 9223372036854775808`,
		`#5 s1 [10,11] register "2" read -> nil ok txn 2`,
	}, strungOut(t, "plume", plumeSample))
}

const awditSample = "w 0 0\nw k 0\n=====\nr 0 0\n-----\n---\nw 0 -1\n\n======\nr 0 -1"

func TestAwditSample(t *testing.T) {
	require.Equal(t, []string{
		`#0 s0 [0,1] register "0" write 0 ok txn 1`,
		`#1 s0 [2,3] register "k" write 0 ok txn 1`,
		`#2 s1 [4,5] register "0" read -> 0 ok txn 1`,
		`#3 s1 [6,7] register "0" write -1 ok txn 3`,
		`#4 s2 [8,9] register "0" read -> -1 ok txn 1`,
	}, strungOut(t, "awdit", awditSample))
}

func TestTransactionTextsReject(t *testing.T) {
	cases := []struct {
		name, format, input string
		line                int
		err                 error
	}{
		{"empty", "plume", "\n \n", 0, ErrEmpty},
		{"garbage", "plume", "w(1,1,0,0)\nhello\n", 2, ErrFormat},
		{"other function", "plume", "x(1,1,0,0)", 1, ErrFormat},
		{"three fields", "plume", "w(1,1,0)", 1, ErrFormat},
		{"cut", "plume", "w(1,1,0,0)\nw(1,2,0,", 2, ErrFormat},
		{"not a number", "plume", "w(1,a,0,0)", 1, ErrFormat},
		{"too large", "plume", "w(1,99999999999999999999,0,0)", 1, ErrFormat},
		{"negative session", "plume", "w(1,1,-1,0)", 1, ErrFormat},
		{"no such transaction", "plume", "w(1,1,0,-2)", 1, ErrFormat},
		{"invalid UTF-8", "plume", "w(1,1,0,0)\n\xff", 2, ErrFormat},
		{"empty", "awdit", "-----\n=====\n", 0, ErrEmpty},
		{"garbage", "awdit", "w 0 0\nhello", 2, ErrFormat},
		{"two fields", "awdit", "w 0", 1, ErrFormat},
		{"not a number", "awdit", "w 0 x", 1, ErrFormat},
		{"short rule", "awdit", "w 0 0\n--", 2, ErrFormat},
		{"mixed rule", "awdit", "w 0 0\n--=--", 2, ErrFormat},
		{"invalid UTF-8", "awdit", "w \xff 0", 1, ErrFormat},
	}
	for _, c := range cases {
		_, err := Decode(c.format, "some.txt", strings.NewReader(c.input))
		require.ErrorIs(t, err, c.err, "%s: %s", c.format, c.name)
		var de *DecodeError
		require.ErrorAs(t, err, &de)
		require.Equal(t, c.line, de.Line, "%v", err)
	}
	_, err := DecodeLimited("plume", "long", strings.NewReader("w(1,1,0,0)"+strings.Repeat(" ", 100)), Limits{RecordBytes: 50})
	require.ErrorIs(t, err, ErrTooLong)
	_, err = DecodeLimited("awdit", "many", strings.NewReader("w 0 0\nw 0 1"), Limits{Ops: 1})
	require.ErrorIs(t, err, ErrTooMany)
	require.ErrorContains(t, err, "many:2")
}

func FuzzPlume(f *testing.F) { fuzz(f, "plume", plumeSample) }
func FuzzAwdit(f *testing.F) { fuzz(f, "awdit", awditSample) }

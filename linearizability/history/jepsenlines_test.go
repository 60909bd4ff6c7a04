package history

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const linesSample = "; a history.txt\n0\t:invoke\t:write\t[1 12]\n0\t:ok\t:write\t[1 12]\n:nemesis\t:info\t:start\t{n1 #{n2}} and #<what> is no EDN (\n" +
	"1\t:invoke\t:read\t[1 nil]\n1\t:info\t:read\t[1 nil]\t:timed out (after 5 s\n[2 :invoke :read [1 nil]]\n(2 :ok :read [1 12])\n"

func TestJepsenLines(t *testing.T) {
	for _, format := range []string{"jepsen", Auto} {
		require.Equal(t, []string{`#0 s0 [1,2] register "1" write 12 ok`, `#1 s1 [3,…] register "1" read unknown`, `#2 s2 [5,6] register "1" read -> 12 ok`},
			strungWith(t, format, linesSample, Options{}))
	}
	require.Equal(t, []string{`#0 s0 [1,2] list "9" read -> [231] ok txn 1`, `#1 s1 [3,4] list "9" append 231 ok txn 2`}, strungWith(t, Auto, "0 :invoke :txn [[:r 9 nil]]\n0 :ok :txn [[:r 9 [231]]]\n1 :invoke :txn [[:append 9 231]]\n1 :ok :txn [[:append 9 231]]", Options{}))
	require.Len(t, strungWith(t, Auto, "[[0 :invoke :read nil]\n [0 :ok :read 7]]", Options{}), 1)
	require.Len(t, notesOf(t, "jepsen", "0 :invoke :write 12\n0 :ok :write 12", Options{}), 1, "it may have been cut off")
	require.Empty(t, notesOf(t, "jepsen", "0 :invoke :write 12\n0 :ok :write 12\n", Options{}))
	for text, want := range map[string]error{
		"0 :invoke":                                     ErrFormat,
		"0 :invoke :read nil\n0 :what :read 1":          ErrFormat,
		"0 :invoke :frob 3":                             ErrUnknownOp,
		"[0 :invoke]":                                   ErrFormat,
		"[0 :invoke :read nil":                          ErrTruncated,
		"[0 :invoke :read nil 3 4]":                     ErrFormat,
		"0 :invoke :write " + strings.Repeat("[", 1000): ErrFormat,
		":nemesis :info :start nil":                     ErrEmpty,
		":a :invoke :read nil\n:a :ok :read 2":          ErrEmpty,
	} {
		_, err := Decode("jepsen", "x", strings.NewReader(text))
		require.ErrorIs(t, err, want, text)
	}
	_, err := DecodeLimited("jepsen", "x", strings.NewReader("0 :invoke :write "+strings.Repeat("1", 200)), Limits{RecordBytes: 100})
	require.ErrorIs(t, err, ErrTooLong)
}

// A file without an operation of a client says what it has instead.
func TestNoOperationOfAClient(t *testing.T) {
	for text, want := range map[string]string{
		":a :invoke :read nil\n:a :ok :read 2":     `2 entries of processes that are neither numbers nor strings, as ":a" at line 1`,
		"{:process :nemesis :type :info :f :kill}": "1 entry of the nemesis",
		"0 :ok :read 3":     "1 completion without a beginning",
		"0 :invoke :frob 3": "1 operation frob, left out as asked",
	} {
		_, err := DecodeWith("jepsen", "x", strings.NewReader(text), Options{Unmatched: UnmatchedSkip, Ignore: []string{"frob"}})
		require.ErrorIs(t, err, ErrEmpty)
		require.ErrorContains(t, err, want)
	}
}

package history

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each format is told by how it begins, behind blank lines, a byte order mark and
// gzip, and reads as it does by name.
func TestAutoRecognisesEachFormat(t *testing.T) {
	for _, c := range []struct{ format, text string }{
		{"jsonl", `{"kind":"header","version":1,"tagged":false}` + "\n" + `{"session":0,"type":"register","func":"write","key":"x","arg":1,"call":0,"return":1,"outcome":"ok"}` + "\n"},
		{"jepsen", "{:process 0, :type :invoke, :f :write, :value 1}\n{:process 0, :type :ok, :f :write, :value 1}\n"},
		{"jepsen", "; a comment\n[{:process 0, :type :invoke, :f :write, :value 1}\n{:process 0, :type :ok, :f :write, :value 1}]\n"},
		{"jepsen", txnSample},
		{"jepsen", asJSON(txnSample)},
		{"porcupine-etcd", "INFO  jepsen.util - 0\t:invoke\t:write\t1\nINFO  jepsen.util - 0\t:ok\t:write\t1\n"},
		{"plume", "w(1,1,0,0)\nr(1,1,1,1)\n"},
		{"awdit", "w 1 1\n=====\nr 1 1\n"},
	} {
		for _, before := range []string{"", "\n \n", "\ufeff"} {
			want, errWant := Decode(c.format, "h", strings.NewReader(before+c.text))
			got, err := Decode(Auto, "h", strings.NewReader(before+c.text))
			require.Equal(t, errWant, err, c.format)
			require.Equal(t, want, got, c.format)
		}
	}
}

func TestAutoSaysWhatItDoesNotKnow(t *testing.T) {
	_, err := Decode(Auto, "notes", strings.NewReader("dear diary\nw 1 1\n"))
	require.ErrorIs(t, err, ErrUnknownFormat)
	require.ErrorContains(t, err, "notes")
	require.ErrorContains(t, err, "dear diary")
	require.ErrorContains(t, err, "jsonl, jepsen")
	_, err = Decode(Auto, "blank", strings.NewReader(" \n\n"))
	require.ErrorIs(t, err, ErrEmpty)
	require.NotContains(t, Formats(), Auto)
}

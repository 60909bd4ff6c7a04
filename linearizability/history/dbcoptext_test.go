package history

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// dbcopTextSample has what dbcopJSONSample has, and says it of registers with names.
const dbcopTextSample = `// what the first session did
[x:=7 y==0] [y:=8 long_name2==?]

-----
  // the second one
[x:=5]!
	[x==7]  // later
`

func TestDBCopText(t *testing.T) {
	want := []string{
		`#0 s0 [0,1] register "x" write 7 ok txn 1`,
		`#1 s0 [2,3] register "y" read -> nil ok txn 1`,
		`#2 s0 [4,5] register "y" write 8 ok txn 2`,
		`#3 s0 [6,7] register "long_name2" read -> nil ok txn 2`,
		`#4 s1 [8,9] register "x" write 5 failed txn 3`,
		`#5 s1 [10,11] register "x" read -> 7 ok txn 4`,
	}
	for _, format := range []string{"dbcop", Auto} {
		for _, text := range []string{dbcopTextSample, strings.TrimSuffix(dbcopTextSample, "\n"), strings.ReplaceAll(dbcopTextSample, "] [", "]["), "\n \n" + dbcopTextSample} {
			require.Equal(t, want, strungWith(t, format, text, Options{}))
		}
	}
	d, err := DecodeWith(Auto, "x", strings.NewReader(dbcopTextSample), Options{Initial: Int(0)})
	require.NoError(t, err)
	require.Equal(t, []int32{2, 2, 2, 2, 6, 7}, d.Lines)
	require.True(t, d.History.Untimed)
	for _, i := range []int{1, 3} {
		require.True(t, d.History.Ops[i].Out.Equal(Int(0)), "what was not written yet holds the initial value")
	}
	json, err := DecodeWith(Auto, "x", strings.NewReader(dbcopJSONSample), Options{})
	require.NoError(t, err)
	text, err := DecodeWith(Auto, "x", strings.NewReader(strings.NewReplacer("x", "3", "y", "4", "long_name2", "9").Replace(dbcopTextSample)), Options{})
	require.NoError(t, err)
	require.Equal(t, json.History, text.History, "it says what the file in JSON says")
}

// A read of what was not written yet is not one of 0 where that is written.
func TestDBCopUnwrittenReads(t *testing.T) {
	const text = "[x:=0] [x==?]\n---\n[y==? x==0]\n"
	const json = `[[{"events":[{"Write":{"variable":1,"version":0}}],"committed":true},{"events":[{"Read":{"variable":1,"version":null}}],"committed":true}],
[{"events":[{"Read":{"variable":2,"version":null}},{"Read":{"variable":1,"version":0}}],"committed":true}]]`
	for sample, lines := range map[string]string{text: "line 1: ", json: "line 1: "} {
		require.Len(t, strungWith(t, Auto, sample, Options{}), 4)
		for _, o := range []Options{{NilReads: NilIsUnknown}, {NilReads: NilIsUnknown, Initial: Int(7)}} {
			require.Len(t, strungWith(t, Auto, sample, o), 2, "unknown reads are left out")
			require.Contains(t, notesOf(t, Auto, sample, o), lines+"2 reads of nil left out, as nil is unknown")
		}
		seven := strungWith(t, Auto, sample, Options{Initial: Int(7)})
		require.Contains(t, seven[1], "read -> 7")
		require.Contains(t, seven[3], "read -> 0")
	}
}

func TestDBCopTextRefusals(t *testing.T) {
	for text, want := range map[string]struct {
		err  error
		says string
	}{
		"[x:=1]\n[x=1]\n":                     {ErrFormat, "bad:2: "},
		"[x:=1]\n\n---\n[x==1 y]\n":           {ErrFormat, "bad:4: "},
		"[x:=1]\n[]\n":                        {ErrFormat, "bad:2: "},
		"[x:=1]\n[x:=?]\n":                    {ErrFormat, `value "?"`},
		"[x:=1]\n[x:=18446744073709551616]\n": {ErrFormat, "no number of 64 bits"},
		"[x:=1]\n[x==-1]\n":                   {ErrFormat, "no number of 64 bits"},
		"[x:=1]\n[a-b==1]\n":                  {ErrFormat, "no name of a register"},
		"[x:=1]\n[:=1]\n":                     {ErrFormat, "no name of a register"},
		"[x:=1]\nx==1\n":                      {ErrFormat, "is not [x:=1 y==2]"},
		"[x:=1]\n[x==1]!!\n":                  {ErrFormat, "is not [x:=1 y==2]"},
		"[x:=1]\n[x==1\ny==2]\n":              {ErrFormat, "bad:2: "},
		"[x:=1]\n[x==1":                       {ErrTruncated, "bad:2: "},
		"// nothing\n":                        {ErrEmpty, ""},
		"---\n":                               {ErrEmpty, ""},
		"[x:=1]\n\xff\n":                      {ErrFormat, "bad:2: "},
	} {
		_, err := Decode("dbcop", "bad", strings.NewReader(text))
		require.ErrorIs(t, err, want.err, "%.40q", text)
		require.ErrorContains(t, err, want.says, "%.40q", text)
	}
	require.ErrorContains(t, (&dbcopDecoderText{session: maxProcess}).line("---", 1), "sessions")
	_, err := DecodeLimited("dbcop", "many", strings.NewReader(dbcopTextSample), Limits{Ops: 2})
	require.ErrorIs(t, err, ErrTooMany)
}

// What looks like dbcop's text is that and nothing else.
func TestDBCopTextIsTold(t *testing.T) {
	for text, is := range map[string]bool{
		"[x:=1]\n":             true,
		"[ x==1]\n":            true,
		"---\n--\n[_x1==?]\n":  true,
		"// a comment":         true,
		"---\nw 1 1\n":         false,
		"[{:process 0":         false,
		"[:x]":                 false,
		"[[]]":                 false,
		"[x]":                  false,
		"[x= 1]":               false,
		"[0 :invoke :write 1]": false,
		"[":                    false,
		"":                     false,
		"x:=1":                 false,
	} {
		require.Equal(t, is, looksLikeDBCopText([]byte(text)), text)
	}
}

func FuzzDBCopText(f *testing.F) { fuzz(f, "dbcop", dbcopTextSample, "---\n[x==?]!\n") }

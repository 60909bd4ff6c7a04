package linearizability

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
)

// events writes events of a watch: "a=1@2" is a put at revision 2, "a@3" a delete, a + behind
// says that the key was new, a - that it was not, and "<1" what it held before.
func watchEvents(words string) string {
	var all []string
	for word := range strings.FieldsSeq(words) {
		word, before, told := strings.Cut(word, "<")
		isCreate := ""
		if end := word[len(word)-1]; end == '+' || end == '-' {
			isCreate = fmt.Sprintf(`,"IsCreate":%v`, end == '+')
			word = word[:len(word)-1]
		}
		if told {
			isCreate += fmt.Sprintf(`,"PrevValue":{"Value":{"Value":%q}}`, before)
		}
		what, revision, _ := strings.Cut(word, "@")
		key, value, put := strings.Cut(what, "=")
		typ := map[bool]string{true: "put-operation", false: "delete-operation"}[put]
		all = append(all, fmt.Sprintf(`{"Type":%q,"Key":%q,"Value":{"Value":%q},"Revision":%s%s}`, typ, key, value, revision, isCreate))
	}
	return strings.Join(all, ",")
}

// aWatch writes one of all keys that begin with prefix, from a revision on. Responses are
// separated by bars; one that is a number is a progress notification.
func aWatch(prefix string, from int, responses string) string {
	var all []string
	for n, r := range strings.Split(responses, "|") {
		r = strings.TrimSpace(r)
		if r != "" && strings.Trim(r, "0123456789") == "" {
			all = append(all, fmt.Sprintf(`{"Events":null,"IsProgressNotify":true,"Revision":%s,"Time":%d}`, r, 10+n))
		} else {
			all = append(all, fmt.Sprintf(`{"Events":[%s],"Time":%d}`, watchEvents(r), 10+n))
		}
	}
	return fmt.Sprintf(`{"Request":{"Key":%q,"Revision":%d,"WithPrefix":true},"Responses":[%s]}`+"\n", prefix, from, strings.Join(all, ","))
}

// aPut writes a put of one client, which fails if revision is 0.
func aPut(client int, key, value string, call, revision int) string {
	out := fmt.Sprintf(`{"Txn":{"Results":[{}]},"Revision":%d,"member-id":"8e9e05c52164694d"}`, revision)
	if revision == 0 {
		out = `{"Error":"timeout"}`
	}
	return fmt.Sprintf(`{"ClientId":%d,"Input":{"Type":"txn","Txn":{"OperationsOnSuccess":[{"Type":"put-operation","Put":{"Key":%q,"Value":{"Value":%q}}}]}},"Call":%d,"Output":%s,"Return":%d}`+"\n",
		client, key, value, call, out, call+5)
}

func judgeReport(t *testing.T, text string) Verdict {
	t.Helper()
	d, err := history.DecodeWith(history.Auto, "report", strings.NewReader(text), history.Options{})
	require.NoError(t, err, text)
	v, err := Judge(context.Background(), d.History, "etcd", Budget{})
	require.NoError(t, err, text)
	return v
}

func TestRulesOfWatches(t *testing.T) {
	t.Parallel()
	const all = "a=1@2 | b=2@3 c=3@3 | a=4@4 | b@5"
	for _, c := range []struct{ name, watches, broken string }{
		{"one that saw all", aWatch("", 1, all), ""},
		{"several", aWatch("", 1, all) + aWatch("b", 3, "b=2@3 | b@5") + aWatch("", 0, "a=4@4 | 4 | b@5 | 5"), ""},
		{"nothing to see", aWatch("", 1, all) + aWatch("d", 1, "5"), ""},
		{"begun between", aWatch("", 1, all) + aWatch("", 0, "3 | a=4@4"), ""},
		{"another key", aWatch("b", 1, "a=1@2"), "filter"},
		{"earlier than asked", aWatch("", 3, "a=1@2"), "filter"},
		{"backwards", aWatch("", 1, "a=1@3 | a=4@2"), "ordered"},
		{"backwards within", aWatch("", 1, "a=1@3 a=4@2"), "ordered"},
		{"twice", aWatch("", 1, "a=1@2 a=1@2"), "unique"},
		{"torn", aWatch("", 1, "b=2@3 | c=3@3"), "atomic"},
		{"after it was said to be done", aWatch("", 1, "3 | b=2@3"), "bookmarkable"},
		{"said too early", aWatch("", 1, "b=2@3 | 2"), "bookmarkable"},
		{"said backwards", aWatch("", 1, "4 | 3"), "bookmarkable"},
		{"one is missing", aWatch("", 1, all) + aWatch("", 1, "a=1@2 | a=4@4"), "reliable"},
		{"half a revision is missing", aWatch("", 1, all) + aWatch("", 1, "a=1@2 | b=2@3 | a=4@4"), "reliable"},
		{"missing before a notification", aWatch("", 1, all) + aWatch("b", 0, "b=2@3 | 5"), "reliable"},
		{"missing between notifications", aWatch("", 1, all) + aWatch("b", 0, "2 | 5"), "reliable"},
		{"another value", aWatch("", 1, all) + aWatch("", 1, "a=7@2"), "reliable"},
		{"a delete for a put", aWatch("", 1, all) + aWatch("", 1, "a@2"), "reliable"},
		{"not what it asked for first", aWatch("", 1, all) + aWatch("", 3, "a=4@4"), "resumable"},
		{"new", aWatch("", 1, "a=1@2+ | a=2@3- | a@4- | a=3@5+"), ""},
		{"not new", aWatch("", 1, "a=1@2+ | a=2@3+"), "is-create"},
		{"new all the same", aWatch("", 1, "a=1@2-"), "is-create"},
		{"new, but from where is not known", aWatch("", 3, "a=2@3+"), ""},
		{"deleted and not there", aWatch("", 1, "a=1@2+ | b@3-"), "is-create"},
		{"previous", aWatch("", 1, "a=1@2 | a=2@3<1 | a@4<2"), ""},
		{"not the previous", aWatch("", 1, "a=1@2 | a=2@3<7"), "previous value"},
		{"previous of nothing", aWatch("", 1, "a=1@2<1"), "previous value"},
	} {
		v := judgeReport(t, c.watches)
		if c.broken == "" {
			require.Equal(t, OK, v.Status, "%s: %s", c.name, v.Reason)
			continue
		}
		require.Equal(t, Violation, v.Status, c.name)
		require.Regexp(t, `^watch #\d+: `+c.broken+": ", v.Reason, c.name)
		require.NotEmpty(t, v.Witness, c.name)
		again, err := Judge(context.Background(), &history.History{Ops: v.Witness}, "etcd", Budget{})
		require.NoError(t, err)
		require.Equal(t, Violation, again.Status, "%s: by the witness alone", c.name)
	}
}

// What watches tell of requests that failed bears on the others: one that was persisted must
// have been at its revision, and one that no watch has seen was not.
func TestWatchesSettleRequests(t *testing.T) {
	t.Parallel()
	failed := aPut(1, "a", "1", 10, 0)
	at := func(revision int) string { return aPut(2, "b", "2", 20, revision) }
	reads := func(revision int) string {
		return fmt.Sprintf(`{"ClientId":3,"Input":{"Type":"range","Range":{"Start":"a"}},"Call":40,"Output":{"Range":{"KVs":[{"Key":"a","Value":{"Value":"1"},"ModRevision":2,"Version":1}],"Count":1},"Revision":%d},"Return":45}`+"\n", revision)
	}
	for _, c := range []struct {
		name, text string
		want       Status
	}{
		{"it may have been", failed + at(3), OK},
		{"or not", failed + at(2), OK},
		{"it was, before", failed + at(3) + aWatch("", 1, "a=1@2 | b=2@3"), OK},
		{"it was, after", failed + at(2) + aWatch("", 1, "b=2@2 | a=1@3"), OK},
		{"it was, where the other one was", failed + at(2) + aWatch("", 1, "a=1@2"), Violation},
		{"it was before, which a read denies", failed + at(3) + reads(3) + aWatch("", 1, "a=1@2 | b=2@3"), OK},
		{"it was after, which a read denies", failed + at(2) + reads(2) + aWatch("", 1, "b=2@2 | a=1@3"), Violation},
		{"it was not", failed + at(2) + aWatch("", 1, "b=2@2"), OK},
		{"it was not, and a revision is missing", failed + at(3) + aWatch("", 1, "b=2@3 | 3"), OK},
		{"it was not, though a read shows it", failed + at(2) + reads(3) + aWatch("", 1, "b=2@2 | c=5@3"), Violation},
		{"two asked for it", failed + at(2) + aPut(4, "a", "1", 30, 3) + aWatch("", 1, "b=2@2 | a=1@3"), OK},
		{"it came after all that is known", failed + at(2) + aWatch("", 1, "b=2@2") + reads(3), Violation},
	} {
		require.Equal(t, c.want, judgeReport(t, c.text).Status, c.name)
	}
}

// A range that asks for keys alone shows no values.
func TestEtcdKeysOnly(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]Status{`{}`: OK, `{"Value":"1"}`: OK} {
		text := aPut(1, "a", "1", 10, 2) + fmt.Sprintf(`{"ClientId":3,"Input":{"Type":"range","Range":{"Start":"a","End":"b","KeysOnly":true}},"Call":40,`+
			`"Output":{"Range":{"KVs":[{"Key":"a","Value":%s,"ModRevision":2,"Version":1}],"Count":1},"Revision":2},"Return":45}`+"\n", value)
		require.Equal(t, want, judgeReport(t, text).Status)
	}
	text := aPut(1, "a", "1", 10, 2) + `{"ClientId":3,"Input":{"Type":"range","Range":{"Start":"a","End":"b","KeysOnly":true}},"Call":40,` +
		`"Output":{"Range":{"KVs":[{"Key":"b","Value":{},"ModRevision":2}],"Count":1},"Revision":2},"Return":45}` + "\n"
	require.Equal(t, Violation, judgeReport(t, text).Status)
}

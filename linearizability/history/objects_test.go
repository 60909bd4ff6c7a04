package history

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// objectSamples are entries of each kind of object in Jepsen's format, and what is read.
var objectSamples = map[string]struct {
	src    string
	ops    []string
	fences []int64
}{
	"queue": {`
{:process 0 :type :invoke :f :enqueue :value 1}
{:process 0 :type :info :f :enqueue :value 1}
{:process 1 :type :invoke :f :dequeue :value nil}
{:process 1 :type :ok :f :dequeue :value 1}
{:process 2 :type :invoke :f :drain}
{:process 2 :type :ok :f :drain :value [2 3]}
{:process 3 :type :invoke :f :dequeue}
{:process 3 :type :fail :f :dequeue :error :empty}`, []string{
		`#0 s0 [1,…] queue "" enqueue 1 unknown`, `#1 s1 [3,4] queue "" dequeue -> 1 ok`,
		`#2 s2 [5,6] queue "" drain -> [2 3] ok`, `#3 s3 [7,8] queue "" dequeue failed`,
	}, nil},
	"lock": {`
{:process 0 :type :invoke :f :acquire :value nil}
{:process 0 :type :ok :f :acquire :value 7}
{:process 0 :type :invoke :f :release}
{:process 0 :type :ok :f :release}`, []string{`#0 s0 [1,2] lock "" acquire ok`, `#1 s0 [3,4] lock "" release ok`}, nil},
	"bank": {`
{:process 0 :type :invoke :f :transfer :value {:from 0 :to 1 :amount 5}}
{:process 1 :type :invoke :f :read}
{:process 1 :type :ok :f :read :value {0 5 1 15}}
{:process 0 :type :ok :f :transfer :value {:from 0 :to 1 :amount 5}}`, []string{
		`#0 s0 [1,4] bank "" transfer {":amount" 5, ":from" 0, ":to" 1} ok`, `#1 s1 [2,3] bank "" read -> {0 5, 1 15} ok`,
	}, nil},
	"ids": {`
{:process 0 :type :invoke :f :generate}
{:process 0 :type :ok :f :generate :value ["n0" 1]}`, []string{`#0 s0 [1,2] ids "" generate -> ["n0" 1] ok`}, nil},
	"broadcast": {`
{:process 0 :type :invoke :f :broadcast :value 4}
{:process :nemesis :type :info :f :start-partition}
{:process 0 :type :ok :f :broadcast :value 4}
{:process 0 :type :invoke :f :read :final? true}
{:process 1 :type :invoke :f :read :final? true}
{:process 0 :type :ok :f :read :value [4 4] :final? true}
{:process 1 :type :ok :f :read :value #{4} :final? true}`, []string{
		`#0 s0 [1,2] set "" add 4 ok`, `#1 s0 [3,5] set "" read -> [4 4] ok`, `#2 s1 [4,6] set "" read -> [4] ok`,
	}, []int64{3}},
	"keys": {`
{:process 0 :type :invoke :f :enqueue :value [7 1]}
{:process 0 :type :ok :f :enqueue :value [7 1]}
{:process 0 :type :invoke :f :dequeue :value [7 nil]}
{:process 0 :type :ok :f :dequeue :value [7 1]}`, []string{
		`#0 s0 [1,2] queue "7" enqueue 1 ok`, `#1 s0 [3,4] queue "7" dequeue -> 1 ok`,
	}, nil},
}

func TestObjectsOfJepsen(t *testing.T) {
	for name, c := range objectSamples {
		h, err := Decode("jepsen", name, strings.NewReader(c.src))
		require.NoError(t, err, name)
		var got []string
		for _, o := range h.Ops {
			got = append(got, o.String())
		}
		require.Equal(t, c.ops, got, name)
		require.Equal(t, c.fences, h.Fences, name)
		again, err := Decode("jepsen", name, strings.NewReader("["+c.src+"]"))
		require.NoError(t, err, name)
		require.Equal(t, h.Ops, again.Ops)
	}
}

// Wherever the text is cut, or has a byte that does not belong there, the error names
// the file and a line, or what is left is a history.
func TestBadObjectsOfJepsen(t *testing.T) {
	for name, c := range objectSamples {
		for i := range len(c.src) {
			for _, bad := range []string{c.src[:i], c.src[:i] + "\x00" + c.src[i+1:], c.src[:i] + "}" + c.src[i:]} {
				_, err := Decode("jepsen", name, strings.NewReader(bad))
				if err == nil {
					continue
				}
				var de *DecodeError
				require.ErrorAs(t, err, &de)
				require.Equal(t, name, de.Name)
				if de.Line == 0 {
					require.ErrorIs(t, err, ErrEmpty, "%q: %v", bad, err)
				}
			}
		}
	}
}

// An object is of one type.
func TestObjectsOfTwoTypes(t *testing.T) {
	words := map[Type]string{
		Register: ":write :value 1", Set: ":remove :value 1", Counter: ":inc :value 1", Queue: ":enqueue :value 1",
		Lock: ":acquire", Bank: ":transfer :value {}", IDs: ":generate",
	}
	for a, one := range words {
		for b, other := range words {
			src := fmt.Sprintf("{:process 0 :type :invoke :f %s}\n{:process 1 :type :invoke :f %s}", one, other)
			h, err := Decode("jepsen", "x", strings.NewReader(src))
			if a != b {
				require.ErrorIs(t, err, ErrUnknownOp, "%s and %s", a, b)
				require.ErrorContains(t, err, "x:2")
				continue
			}
			require.NoError(t, err, a)
			require.Equal(t, a, h.Ops[0].Type)
		}
		src := fmt.Sprintf("{:process 0 :type :invoke :f :add :value 1}\n{:process 1 :type :invoke :f %s}", one)
		_, err := Decode("jepsen", "x", strings.NewReader(src))
		require.Equal(t, a != Set && a != Counter, err != nil, "%s: %v", a, err)
	}
	_, err := Decode("jepsen", "x", strings.NewReader("{:process 0 :type :invoke :f :drain}\n{:process 0 :type :ok :f :drain :value 3}"))
	require.ErrorIs(t, err, ErrFormat)
	require.ErrorContains(t, err, "x:2")
}

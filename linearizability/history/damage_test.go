package history

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// formatSamples has small valid files of every format, of each of its forms one.
var formatSamples = map[string][]string{
	"jsonl":           {sample},
	"jepsen":          {jepsenSample, txnSample, asJSON(txnSample), linesSample},
	"porcupine-etcd":  {etcdSample},
	"plume":           {plumeSample},
	"awdit":           {awditSample},
	"dbcop":           {dbcopSample, dbcopJSONSample, dbcopShortSample, dbcopWholeSample, dbcopTextSample},
	"cobra":           {cobraSample},
	"viper":           {viperSample, viperJSONSample},
	"etcd-robustness": {etcdOpsSample, etcdWatchSample},
	"otlp":            {otlpSample},
}

// longNumbers are samples in which a line may end within a number.
var longNumbers = map[string][]string{
	"awdit":          {"w 1 12\n---\nr 1 12\n===\nr 1 123\nw 1 123"},
	"plume":          {"w(11,12,13,14)\nr(11,12,13,15)\n"},
	"porcupine-etcd": {strings.ReplaceAll(etcdSample, "1", "123")},
	"jepsen":         {"10 :invoke :write 12\n10 :ok :write 12", "{:process 10 :type :invoke :f :write :value 12}\n{:process 10 :type :ok :f :write :value 12}"},
}

// wrongWays are what may have come of a byte: the end of the file, another byte that differs
// in one bit, none, twice, or one that opens or closes something.
func wrongWays(sample string, i int) map[string]string {
	ways := map[string]string{"cut": sample[:i], "missing": sample[:i] + sample[i+1:], "twice": sample[:i+1] + sample[i:]}
	for _, bit := range []int{i % 8, (i + 3) % 8, 6} { // 6 makes what opens of a letter
		ways[fmt.Sprintf("bit %d", bit)] = sample[:i] + string([]byte{sample[i] ^ 1<<bit}) + sample[i+1:]
	}
	for n, b := range "\xff\x00\"\n{}[]()" {
		if n > 3 && (n+i)%4 > 0 {
			continue
		}
		ways[fmt.Sprintf("%q", b)] = sample[:i] + string(b) + sample[i+1:]
	}
	return ways
}

// A byte that is wrong, wherever it is in a file of whatever format, or missing, or the end of
// the file there, gives an error that names what is wrong, the file and the line, or a history
// that is valid.
func TestEveryFormatWithAnyByteWrong(t *testing.T) {
	for _, format := range Formats() {
		require.NotEmpty(t, formatSamples[format], "%s: a format without a sample", format)
	}
	for format, samples := range formatSamples {
		for n, sample := range samples {
			t.Run(fmt.Sprintf("%s %d", format, n), func(t *testing.T) {
				t.Parallel()
				wrong, all := 0, 0
				for i := range sample {
					for way, bad := range wrongWays(sample, i) {
						all++
						d, err := DecodeWith(format, "bad", strings.NewReader(bad), Options{})
						if err == nil {
							require.NoError(t, d.History.Validate(), "byte %d: %s", i, way)
							continue
						}
						wrong++
						requirePlace(t, err, fmt.Sprintf("byte %d: %s", i, way))
					}
				}
				t.Logf("%d bytes, %d of %d damaged files refused", len(sample), wrong, all)
			})
		}
	}
}

// requirePlace holds that an error has a name and tells the file, and the line unless there is
// nothing in it.
func requirePlace(t *testing.T, err error, what string) {
	t.Helper()
	var de *DecodeError
	var known bool
	for _, e := range []error{
		ErrEmpty, ErrTruncated, ErrFormat, ErrVersion, ErrTooLong, ErrTooMany, ErrUnmatchedReturn, ErrOverlap, ErrClock, ErrUnknownOp, ErrAmbiguous, ErrInvalid,
	} {
		known = known || errors.Is(err, e)
	}
	require.True(t, known, "%s: %v", what, err)
	require.ErrorAs(t, err, &de, what)
	require.Equal(t, "bad", de.Name)
	require.True(t, de.Line > 0 || errors.Is(err, ErrEmpty), "%s: %v", what, err)
}

// A file that was cut off is refused, or gives what there was until then and no more: no
// operation that the whole does not have, but that the answer of one may be missing. Where
// that cannot be told, since nothing ends a line but its end, there is a note.
func TestEveryFormatCutOff(t *testing.T) {
	for format, samples := range formatSamples {
		for n, sample := range append(samples, longNumbers[format]...) {
			whole, err := DecodeWith(format, "whole", strings.NewReader(sample), Options{})
			require.NoError(t, err)
			of := map[string]int{}
			for i := range whole.History.Ops {
				o := &whole.History.Ops[i]
				of[callOf(o)]++
				of[callOf(o)+o.Out.String()]++
			}
			for i := range sample {
				d, err := DecodeWith(format, "cut", strings.NewReader(sample[:i]), Options{})
				if err != nil {
					continue
				}
				got := map[string]int{}
				for j := range d.History.Ops {
					o := &d.History.Ops[j]
					call := callOf(o)
					if o.Outcome == OK {
						call += o.Out.String()
					}
					if got[call] == of[call] && !noted(d, "cut off") {
						t.Errorf("%s %d, cut at byte %d of %q: %v is nothing that was there", format, n, i, sample[max(0, i-30):i], o)
					}
					got[call]++
				}
			}
		}
	}
}

func noted(d *Decoded, word string) bool {
	for _, n := range d.Notes {
		if strings.Contains(n.String(), word) {
			return true
		}
	}
	return false
}

// callOf is what of an operation is known when it is called.
func callOf(o *Op) string { return fmt.Sprint(o.Session, o.Client, o.Type, o.Func, o.Key, o.Arg) }

// So it is of a byte of a compressed file, in every form of every format: what comes out of it is what was
// put in, or an error. A byte of the header that names nothing of the content may be any.
func TestEveryFormatCompressedWithAnyByteWrong(t *testing.T) {
	for format, samples := range formatSamples {
		for n, sample := range samples {
			t.Run(fmt.Sprintf("%s %d", format, n), func(t *testing.T) {
				t.Parallel()
				whole, err := DecodeWith(format, "bad", strings.NewReader(sample), Options{})
				require.NoError(t, err)
				told, err := DecodeWith(Auto, "bad", strings.NewReader(sample), Options{})
				require.NoError(t, err)
				require.Equal(t, whole.History, told.History, "the format is told by the file")
				packed := compressed(t, sample)
				for _, named := range []string{format, Auto} {
					d, err := DecodeWith(named, "bad", strings.NewReader(packed), Options{})
					require.NoError(t, err, "gzip is no obstacle")
					require.Equal(t, whole.History, d.History)
				}
				wrong := 0
				for i := range packed {
					for way, bad := range map[string]string{
						"cut": packed[:i], "missing": packed[:i] + packed[i+1:], "twice": packed[:i+1] + packed[i:],
						"bit": packed[:i] + string([]byte{packed[i] ^ 1<<(i%8)}) + packed[i+1:],
					} {
						d, err := DecodeWith(format, "bad", strings.NewReader(bad), Options{})
						if err == nil {
							require.Equal(t, whole.History, d.History, "byte %d: %s", i, way)
							continue
						}
						wrong++
						requirePlace(t, err, fmt.Sprintf("byte %d: %s", i, way))
					}
				}
				t.Logf("%d bytes, %d damaged files refused", len(packed), wrong)
			})
		}
	}
}

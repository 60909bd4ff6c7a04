package main

import (
	"encoding/binary"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// cobraLog writes records of Cobra.
func cobraLog(records ...any) string {
	var b []byte
	for _, r := range records {
		if word, is := r.(string); is {
			b = append(b, word...)
			continue
		}
		n, is := r.(uint64)
		if !is {
			n = uint64(r.(int))
		}
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return string(b)
}

// What several clients logged is one history with --join, files compressed or not: by
// themselves the logs of readers read what nobody wrote.
func TestCheckJoinsTheLogsOfClients(t *testing.T) {
	const initial = uint64(0xbebeebee)
	writer := cobraLog("S", 1, "W", 100, 5, 7, "C", 1, "S", 2, "W", 101, 6, 8, "C", 2)
	fork := func(seen, missed, write int) string {
		return cobraLog("S", 10+seen, "R", 1, write, seen, write-93, "C", 10+seen, "S", 20+seen, "R", initial, initial, missed, 0, "C", 20+seen)
	}
	dir := folder(t, "T1.log", writer, "T2.log.gz", gzipped(t, fork(6, 5, 101)), "T3.log", "")
	code, out, errs := invoke(t, "", "check", "--join", "--model", "serializable", dir)
	assert.Equal(t, exitViolated, code, errs)
	assert.Contains(t, out, "violation     "+dir)
	assert.Contains(t, out, filepath.Join(dir, "T2.log.gz")+" line 2: ")
	assert.Contains(t, out, filepath.Join(dir, "T1.log")+" line 1: ")
	code, out, errs = invoke(t, "", "check", "--model", "serializable", dir)
	assert.Equal(t, exitViolated, code, errs)
	assert.Contains(t, out, "nobody wrote")
	code, out, errs = invoke(t, "", "check", "--join", "--model", "serializable", filepath.Join(dir, "T1.log"), filepath.Join(dir, "T2.log.gz"), "--format", "cobra")
	assert.Equal(t, exitViolated, code, errs)
	assert.Contains(t, out, "T1.log and 1 more")
}

// A completion without an invocation is refused with its place and a way out.
func TestCheckUnmatched(t *testing.T) {
	const log = "{:process 1 :type :ok :f :read :value 3}\n{:process 0 :type :invoke :f :write :value 3}\n{:process 0 :type :ok :f :write :value 3}\n" +
		"{:process 0 :type :invoke :f :read}\n{:process 0 :type :ok :f :read :value 3}\n"
	dir := folder(t, "a.edn", log)
	code, _, errs := invoke(t, "", "check", "--model", "linearizable", dir)
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, "a.edn:1: return without a call")
	assert.Contains(t, errs, "--unmatched skip")
	code, _, errs = invoke(t, "", "check", "--model", "linearizable", "--unmatched", "skip", dir)
	require.Equal(t, exitOK, code, errs)
	assert.Contains(t, errs, "1 completion without a beginning in the file left out")
	code, _, _ = invoke(t, "", "check", "--model", "linearizable", "--unmatched", "what", dir)
	assert.Equal(t, exitFailed, code)
}

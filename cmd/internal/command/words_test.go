package command

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestShellWord(t *testing.T) {
	for word, want := range map[string]string{
		"runs/seed-7/tape.json": "runs/seed-7/tape.json", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$x": "'$x'", "off,crash=low": "off,crash=low", "~/x": "'~/x'",
	} {
		assert.Equal(t, want, ShellWord(word))
	}
}

func TestVersionOf(t *testing.T) {
	info := &debug.BuildInfo{GoVersion: "go1.26.8"}
	assert.Regexp(t, `^unversioned, go1.26.8 \w+/\w+$`, versionOf(info))
	info.Main.Version = "(devel)"
	assert.Regexp(t, `^unversioned, go1`, versionOf(info))
	info.Settings = []debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: "abc123"}, {Key: "vcs.modified", Value: "false"}}
	assert.Regexp(t, `^revision abc123, go1`, versionOf(info))
	info.Settings[2].Value = "true"
	assert.Regexp(t, `^revision abc123 with changes, go1`, versionOf(info))
	info.Main.Version = "v0.0.0-20261127010926-5498614a14b3+dirty"
	assert.Regexp(t, `^v0.0.0-20261127010926-5498614a14b3\+dirty, go1.26.8 `, versionOf(info))
	assert.LessOrEqual(t, len("simfuzz "+versionOf(info)), 80)
}

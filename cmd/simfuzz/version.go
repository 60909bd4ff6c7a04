package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

// version says which build this is: the version of the module if it was built as
// one, the revision of the checkout if the go command noted it, and the Go
// release.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "of unknown version, " + runtime.Version()
	}
	return versionOf(info)
}

func versionOf(info *debug.BuildInfo) string {
	parts := []string{"unversioned"}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		parts[0] = v
	}
	setting := func(key string) string {
		for _, s := range info.Settings {
			if s.Key == key {
				return s.Value
			}
		}
		return ""
	}
	if revision := setting("vcs.revision"); revision != "" {
		if setting("vcs.modified") == "true" {
			revision += " with changes"
		}
		parts = append(parts, "revision "+revision)
	}
	return strings.Join(append(parts, fmt.Sprintf("%s %s/%s", info.GoVersion, runtime.GOOS, runtime.GOARCH)), ", ")
}

package command

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Version says which build this is: the version of the module, in which there is
// the revision of a checkout, or else that revision, if the go command noted it;
// and the Go release.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unversioned, " + runtime.Version()
	}
	return versionOf(info)
}

func versionOf(info *debug.BuildInfo) string {
	text := "unversioned"
	switch revision := setting(info, "vcs.revision"); {
	case info.Main.Version != "" && info.Main.Version != "(devel)":
		text = info.Main.Version
	case revision != "":
		text = "revision " + revision
		if setting(info, "vcs.modified") == "true" {
			text += " with changes"
		}
	}
	return fmt.Sprintf("%s, %s %s/%s", text, info.GoVersion, runtime.GOOS, runtime.GOARCH)
}

func setting(info *debug.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

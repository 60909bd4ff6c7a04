package archtest

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Package is what the import check needs of one package; its fields are those of
// "go list -json" with the same names.
type Package struct {
	ImportPath   string
	Dir          string
	Doc          string
	GoFiles      []string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// CheckImports holds packages of module against a table and what tests may add,
// and returns one sorted line a violation: a package no row governs, an import
// its row does not allow, a package named like a junk drawer, or one that does
// not say what it is. A package's tests may also import what lies below it. O(packages × imports × rows).
func CheckImports(module string, table []Room, tests Room, packages []Package) []string {
	var found []string
	for _, p := range packages {
		rel, ok := relative(module, p.ImportPath)
		if !ok {
			found = append(found, fmt.Sprintf("%s: not a package of module %s", p.ImportPath, module))
			continue
		}
		if junkDrawers[path.Base(rel)] {
			found = append(found, fmt.Sprintf("%s: %q says nothing of what is inside", rel, path.Base(rel)))
		}
		if len(p.GoFiles) > 0 && strings.TrimSpace(p.Doc) == "" {
			found = append(found, fmt.Sprintf("%s: no package comment", rel))
		}
		room, ok := roomOf(table, rel)
		if !ok {
			found = append(found, fmt.Sprintf("%s: no row of the import table governs this package", rel))
			continue
		}
		wider := room
		wider.Packages = slices.Concat(room.Packages, tests.Packages, []string{rel + "/...", trimInternal(rel)})
		wider.Modules = slices.Concat(room.Modules, tests.Modules)
		for _, imp := range p.Imports {
			if !allowed(module, room, imp) {
				found = append(found, fmt.Sprintf("%s imports %s, which row %q does not allow", rel, imp, room.Pattern))
			} else if testOnly(module, table, room, imp) {
				found = append(found, fmt.Sprintf("%s imports %s, which is for tests only", rel, imp))
			}
		}
		for _, imp := range sorted(p.TestImports, p.XTestImports) {
			if !allowed(module, wider, imp) {
				found = append(found, fmt.Sprintf("%s imports %s in a test, which row %q and the row for tests do not allow",
					rel, imp, room.Pattern))
			}
		}
	}
	slices.Sort(found)
	return found
}

// CheckTable reports rows that cannot mean what they say: two rows of one
// pattern, or a row that names a package which no row governs.
func CheckTable(table []Room) []string {
	var found []string
	seen := map[string]bool{}
	for _, r := range table {
		if seen[r.Pattern] {
			found = append(found, fmt.Sprintf("row %q stands twice", r.Pattern))
		}
		seen[r.Pattern] = true
	}
	for _, r := range table {
		for _, p := range r.Packages {
			if p == "..." {
				continue
			}
			if _, ok := roomOf(table, strings.TrimSuffix(p, "/...")); !ok {
				found = append(found, fmt.Sprintf("row %q allows %q, which no row governs", r.Pattern, p))
			}
		}
	}
	return found
}

// CheckLayout reports entries of a repository's root that allowed does not name;
// dotfiles pass.
func CheckLayout(entries []fs.DirEntry, allowed map[string]string) []string {
	var found []string
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || allowed[name] != "" {
			continue
		}
		found = append(found, fmt.Sprintf("%s: nothing in the table of the top level explains it", name))
	}
	slices.Sort(found)
	return found
}

// roomOf finds the most specific row that governs rel: its own, which an internal
// package may have too, that of the room an internal package belongs to, or the
// longest pattern.
func roomOf(table []Room, rel string) (Room, bool) {
	if i := slices.IndexFunc(table, func(r Room) bool { return r.Pattern == rel }); i >= 0 {
		return table[i], true
	}
	rel = trimInternal(rel)
	best, found := Room{}, false
	for _, r := range table {
		if r.Pattern == rel {
			return r, true
		}
		if strings.HasSuffix(r.Pattern, "...") && matches(r.Pattern, rel) && (!found || len(r.Pattern) > len(best.Pattern)) {
			best, found = r, true
		}
	}
	return best, found
}

// allowed reports whether a package governed by room may import imp.
func allowed(module string, room Room, imp string) bool {
	rel, ours := relative(module, imp)
	if !ours {
		if standard(imp) {
			return true
		}
		return slices.ContainsFunc(room.Modules, func(m string) bool { return m == "" || under(m, imp) })
	}
	// An internal package counts as its room, unless a row names it as one that rooms
	// beside each other share; Go itself keeps strangers out.
	owner := trimInternal(rel)
	if owner == room.Pattern && rel != owner {
		return true
	}
	return slices.ContainsFunc(room.Packages, func(p string) bool { return p == rel || matches(p, owner) })
}

// testOnly reports whether imp belongs to another room that only tests may enter.
func testOnly(module string, table []Room, room Room, imp string) bool {
	rel, ours := relative(module, imp)
	if !ours {
		return false
	}
	r, ok := roomOf(table, rel)
	return ok && r.TestOnly && r.Pattern != room.Pattern
}

// relative strips the module's path; ok is false for paths outside the module.
func relative(module, p string) (rel string, ok bool) {
	if p == module {
		return ".", true
	}
	return strings.CutPrefix(p, module+"/")
}

// matches reports whether a pattern ("a/b", "a/...", "...") covers a package.
func matches(pattern, rel string) bool {
	if pattern == "..." {
		return true
	}
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return under(base, rel)
	}
	return pattern == rel
}

// under reports whether p is prefix or lies below it.
func under(prefix, p string) bool {
	return p == prefix || strings.HasPrefix(p, prefix+"/")
}

// standard reports whether an import path is the standard library's: its first
// element has no dot.
func standard(imp string) bool {
	first, _, _ := strings.Cut(imp, "/")
	return !strings.Contains(first, ".")
}

// trimInternal names the room to which an internal package belongs.
func trimInternal(rel string) string {
	if i := strings.Index(rel+"/", "/internal/"); i >= 0 {
		return rel[:i]
	}
	return rel
}

// sorted is the ascending union of lists without repeats.
func sorted[E cmp.Ordered](lists ...[]E) []E {
	all := slices.Concat(lists...)
	slices.Sort(all)
	return slices.Compact(all)
}

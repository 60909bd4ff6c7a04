// Package snapshot keeps versions of a store in a bucket: immutable segments named
// by the hash of their content, a manifest for each version, and one head that says
// which versions there are (the order "manifest
// last" is that of Gavalas's thesis, the head is not).
//
//	seg-HASH-EPOCH   a segment, or the index of one, HASH its SHA-256
//	man-HASH-EPOCH   a manifest
//	page-HASH-EPOCH  versions of a branch and their manifests, or other pages, 2 to 16 of them
//	head             epoch, how many writers have a number, and of each branch its versions
//	                 and their manifests, the older ones by pages; changed by compare-and-swap
//
// Each publishing uploads the head, so it must not grow with the versions kept. Up to
// PageItems, 16, of a branch it names itself. Beyond that the versions that have their
// number divided by 16 in common are a page, unless the latest is one of them; the pages that
// have their versions' numbers divided by 256 in common are a page in turn, and so on. Of n
// versions in a row the head names at most about 16·log₁₆(n) items, of about 50 bytes; it
// grows with the branches. A page does not change when versions are added, and collecting
// puts anew only those at the border of what it drops:
//
//	               head of version 300
//	page 0-255 · page 256-271 · page 272-287 · 288 · ... · 300
//	    |
//	page 0-15 · page 16-31 · ... · page 240-255
//
// An archive reads all versions of the head, the pages that it has not read before with
// Options.Parallel at once, and checks each against its name. One that is lost or spoiled is
// an error of all that reads the head, as a spoiled head is: without it nobody knows what
// may be deleted. New pages are put, and durable, before the head that names them.
//
// Publishing a manifest under the next number "if there is none" has a hole: a
// writer that was stalled until its number was published, collected and forgotten
// creates it again, and wins. So all goes through the head, whose tag never comes
// back. Two rules make collecting safe, however long anybody is stalled:
//
//   - Collecting begins with the head: one swap drops versions and raises the epoch.
//     Then what was put in an earlier epoch and no version of that swap names is
//     deleted, and nothing else.
//   - Publishing reads the head, then uploads under the epoch it read, or relies on
//     segments and pages that that very head names, itself or by its versions, and then
//     swaps that very head. If anybody collected in between, the swap fails, and all is
//     looked at again. Every other swap does so too.
//
// So what the head or a version in it names is either named by what the last
// collecting kept, or of its epoch or later: no collecting, not even one that was
// stalled since an earlier epoch, deletes it. Clocks play no part.
//
// After each swap the head is read again; one that took place and failed is followed by
// one more, since nobody knows whether it is durable. A writer that gets no answer, neither to the
// swap nor to that, may have published without knowing it; at its next use it finds its
// version by the manifest's name, and goes on from it.
//
// What a writer has seen it keeps in its own directory, as a store.Ref: the number of the
// latest version and the name of its manifest, since a branch that was dropped and begun anew
// gives its numbers again. Publishing on top of anything else is store.ErrConflict, also
// after the writer was opened again. A crash may take what it kept back to before versions
// that it published; those it knows by the number that the head gave it once, and that its
// directory and each of its manifests have. A copy of a directory has its number too: two
// copies in use at once take each other's last version for their own, once for each opening.
//
// A branch is a line of versions with numbers of its own. All branches are in the one
// head, so what is said above of versions holds of all of them together, and a branch
// begins with nothing but a swap:
//
//	Clone   with a version of another branch, whose manifest both name
//	Split   with manifests that name a version's segments, each for a range of keys
//	Merge   with a manifest that names the segments of several branches, for ranges that
//	        have no keys in common
//
// So k workers become k′ without a segment read or written; what is outside an entry's
// range goes when the worker's engine merges. A segment that two pieces have changed
// around stays named by both, and is fetched by both.
//
//	engine              restored lazily       split and merged
//	memory              store.ErrUnsupported  yes
//	appendlog           store.ErrUnsupported  yes
//	hybridlog           store.ErrUnsupported  yes
//	lsm                 yes                   yes
//	pebble              store.ErrUnsupported  store.ErrUnsupported
//
// The first three keep all keys in memory, which they read from all of a version; a
// table of Pebble's counts as a whole. Clones work with all of them.
//
// The package refuses to merge versions of two writers of one branch: the second gets
// store.ErrConflict. It starts goroutines only where Options.Parallel asks for them.
package snapshot

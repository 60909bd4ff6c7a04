// Package snapshot keeps versions of a store in a bucket: immutable segments named
// by the hash of their content, a manifest for each version, and one head that says
// which versions there are (the order "manifest
// last" is that of Gavalas's thesis, the head is not).
//
//	seg-HASH-EPOCH   a segment, or the index of one, HASH its SHA-256
//	man-HASH-EPOCH   a manifest
//	head             epoch, how many writers have a number, and of each branch its versions
//	                 and their manifests; changed by compare-and-swap
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
//     segments that versions of that very head name, and then swaps that very head.
//     If anybody collected in between, the swap fails, and all is looked at again.
//
// So what a version in the head names is either named by the versions that the last
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

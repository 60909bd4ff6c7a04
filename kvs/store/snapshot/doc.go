// Package snapshot keeps versions of a store in a bucket: immutable segments named
// by the hash of their content, a manifest for each version, and one head that says
// which versions there are (the order "manifest
// last" is that of Gavalas's thesis, the head is not).
//
//	seg-HASH-EPOCH   a segment, HASH its SHA-256
//	man-HASH-EPOCH   a manifest
//	head             epoch, versions and their manifests; changed by compare-and-swap
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
// The package refuses to merge versions of two writers: the second gets
// store.ErrConflict.
package snapshot

// Package distributed has workers on any number of machines run one campaign, without a
// server: what they share is a bucket, a folder or an object store, of the contract of
// kvs/store.
//
// # What is shared
//
//	head         what the campaign is of, its State, and who is at work on which seeds;
//	             changed by compare-and-swap
//	seg-HASH     the tape of a failure, HASH its SHA-256
//
// A [State] is a join-semilattice: seeds finished are a union, counters the greatest of
// each worker, and of each class of failures the smaller tape wins. So states of copies, of
// other buckets and of folders carried about on paper join in any order, any number of
// times, to one state ([Merge]). Who is at work is no part of it. Tapes that smaller ones took
// the place of stay in the bucket; nobody reads them.
//
// # Who runs what
//
// A worker claims the next seeds that nobody has finished or claimed, runs them, puts the
// tapes of failures that are new or smaller, and publishes all that came of the seeds by one
// swap of the head, its claim released by the same one. So a worker that is killed at any
// moment loses what it has not published and nothing else, and no seed is counted twice.
//
// A claim lasts as long as its worker gives signs of life: a number in the head that the
// worker raises. Whoever sees that number stand still for the time of a lease, by a clock of
// their own, takes the claim away. Clocks of two machines are never compared.
//
// Seeds whose worker died are run again in halves, since one of them may be what killed
// it. A seed that several workers in a row did not survive, as one that takes more memory
// than there is, is abandoned: it neither failed nor held, and the state says so. A seed that
// does not end in its time is another matter, and a failure.
//
// # What it refuses
//
// A bucket that holds anything else, a campaign of something else, and a second worker of a
// name ([ErrForeign], [ErrCampaign], [ErrName]). It starts no goroutines and reads no clock
// that it is not given; it knows nothing of what a seed runs.
package distributed

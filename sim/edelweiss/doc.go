// Package edelweiss joins trials of event-log programs ([trial]) to the storage engines
// of the key-value store, each on a faulty file system of package sim/disk, so that what
// a program holds as durable has gone through a real engine and its recovery.
//
// A node's tuples are the engine's values, one under the number of a slot. A timestep
// first sets one record that says all that the timestep changes, then the slots, and
// then syncs the engine once. An engine comes back from a crash with a state that it
// really had, so with all sets up to some moment: either without the record, and the
// timestep never was, or with it, and opening carries it out again. Only then does the
// node send anything. A crash in between takes what was not synced, or leaves parts of
// it, torn or out of order; writes and syncs fail, after which the process stops and
// starts again on what the disk then has.
//
// The package refuses bits that rot and writes that go astray: a node here has one disk
// and nobody to repair it from. Members of ranges lie on disk one by one: their
// compression is for memory. While an engine opens, its file operations do not fail,
// and a crash does not come.
package edelweiss

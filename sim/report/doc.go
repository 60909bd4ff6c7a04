// Package report turns what is known of a run into one HTML page that stands by
// itself: it asks for no other file and no network, its style and script are in
// it, and a policy in its head forbids the browser to fetch anything.
//
// A [Page] is plain data. What is in it decides which sections there are:
//
//	Summary Facts Commands   what happened, in words, and how to run it again
//	Violations               what must not have happened
//	Run                      a space-time diagram: lanes, events, messages, bands of
//	                         faults, and the state of a lane with what changed
//	History                  operations as intervals, those of a witness marked
//	Orders                   Hasse diagrams of states, by rank, reduced to covers
//	Choices                  how likely the bug is with each choice and without
//	Rewind                   how likely it is if all is drawn anew from a point on
//	Shrink                   how the run got small
//
// [Diagram.AddWorld] fills a diagram from a [sim.World], whatever protocol ran in
// it; everything else a host knows it writes into the fields itself. The history
// checkers and laws make pages of the same form without a run.
//
// Time runs down. A row is an event, or, by a switch on the page, time is to scale.
// Both diagrams are drawn on a canvas, of which only what is in sight exists, so a
// page of 100,000 events scrolls and zooms like a short one; everything on a canvas
// is also in tables, and reached by keys alone.
//
// Everything in a Page is taken for hostile: text is escaped for where it stands,
// numbers out of range and lanes that do not exist are refused by [Page.Write] with
// an error that wraps [ErrPage], and what is beyond a bound is left out and counted
// on the page.
//
// The package runs nothing, reads no clock, and does not know what a violation is.
package report

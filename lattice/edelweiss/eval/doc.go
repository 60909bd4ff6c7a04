// Package eval runs programs of package edelweiss, one node and one timestep at a
// time.
//
// A timestep takes what the host feeds to inputs and the messages that arrived,
// derives all that holds now, and yields what is to be sent; @next and @delete
// take effect between it and the following one, a deletion only if no @next rule
// adds the tuple. So the state after timestep t is (state - deleted) + next.
//
// [Machine] is incremental: it keeps, for each tuple, the number of its
// derivations, and handles one changed tuple at a time by joining it with the rest
// of each rule that reads it (the counting and semi-naive algorithms; Gupta,
// Mumick and Subrahmanian, "Maintaining Views Incrementally", 1993). A timestep
// costs what its changes cost, however large the tables are. Groups of mutually
// recursive collections are extended in the same way, and computed anew when one
// of their tuples may have lost its support.
//
// [Naive] computes every rule over whole collections in every timestep until
// nothing changes. It is the oracle for Machine and shares no code with it but
// the types of events.
//
// Arithmetic can derive without end. A timestep that derives more than
// [Options.MaxDerived] fails with [ErrLimit] and the rule that derived most, and
// [Options.Stop] ends one that runs.
//
// Both are deterministic functions of their events. They start nothing, read no
// clock and do no I/O: what is durable and what is sent is for the host, which
// finds in [Machine.Durable] what must be safe before [Machine.Sends] go out.
package eval

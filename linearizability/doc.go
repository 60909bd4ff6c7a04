// Package linearizability judges recorded histories: is there an execution of
// the specification that explains what the clients saw? It is named after its
// strongest verdict and also knows weaker levels: sequential and causal
// consistency in their kinds, session guarantees, isolation levels of
// transactions up to strict serializability, eventual consistency and convergence.
// Judge decides one level, Levels by all that fit, and Check ends a test.
//
// Package contract judges what is asked of single objects without an order of all
// operations, as Jepsen's checkers do; Own is a specification of the user's.
//
// Three kinds of checker stand side by side. Special ones decide one property in
// polynomial time, exactly, mostly because operations carry tags or values that
// tell which puts each read saw. Where there is none, models of package models are
// searched for an order of the operations that they allow: those that know real
// time from one return to the next, the others by porcupine; both are exponential
// and run under a budget of steps and bytes. Where several can answer they must
// agree, with each other and with the definitions tried by brute force, which the
// tests count. Verdict.Method says which one it was and why.
//
// A verdict is one of four, and none of them is a guess: ok, violation with a
// minimal witness, undecided when a budget ran out, inconclusive when the
// history cannot tell. The package reads no clock and starts no goroutine of its
// own (porcupine starts one a search); it judges what it is given and never
// repairs it. What a file leaves open is for package history to read, by its Options;
// where the reading decides a verdict, Verdict.Hint names the other one.
//
// Herlihy and Wing, "Linearizability" (1990); Gibbons and Korach, "Testing shared
// memories" (1997); Lowe, "Testing for linearizability" (2017); Bouajjani et al.,
// "On verifying causal consistency" (2017); Terry et al., "Session guarantees"
// (1994); Brzeziński et al., "From session causality to causal consistency" (2004);
// Biswas and Enea, "On the complexity of checking transactional consistency" (2019);
// Adya, "Weak consistency" (1999), and Kingsbury and Alvaro, "Elle" (2020), for the
// names of anomalies.
package linearizability

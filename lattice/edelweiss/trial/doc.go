// Package trial runs programs of package edelweiss in the simulator of package sim,
// rewritten and as written, under its faults.
//
// A node of the simulated world runs the rewritten program. Beside it, out of the
// network's sight, runs the original on exactly what the other gets: the same
// inputs and messages, without acknowledgements, in the same timesteps, and it stops
// and starts again with it. In each timestep all outputs must be equal. Since that
// comparison cannot see a message that was wrongly not sent, all that the original would
// still send once the world has healed and is quiet must have arrived. And a world of
// originals goes through the same plan, and after both have healed their outputs must be
// equal too, where the program lets them depend on no timing: people say so of the shipped
// programs, [Converging] finds it out of any other, and [Report] says what was compared.
//
// A trial that fails is written down as a [Tape], which holds both programs and each
// decision of the simulator, replays, and shrinks. [WriteSVG] draws what is stored over
// time; testdata has the drawings for unicast, broadcast, atomic registers, and the causal
// store with 0 to 90 % updates and through a partition. "go test -run TestPrograms
// -trial-first N -trial-seeds M" takes every shipped program through M seeds.
//
// Unless told otherwise, tables are in memory and as durable as a disk that writes a
// timestep atomically before anything is sent; a node that crashes comes back with them
// and with nothing else. With [Options].Disks they are on a [Disk], which may fail:
// package sim/edelweiss makes one of a storage engine on a faulty file system. A
// timestep is then durable before anything is sent from it, and a node that comes back
// without a timestep from which it has sent something has lost it ([ErrLost]). Losing
// a disk is off, since no program here protects against it.
package trial

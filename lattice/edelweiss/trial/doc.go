// Package trial runs programs of package edelweiss in the simulator of package sim,
// rewritten and as written, under its faults.
//
// A node of the simulated world runs the rewritten program. Beside it, out of the
// network's sight, runs the original on exactly what the other gets: the same
// inputs and messages, without acknowledgements, in the same timesteps, and it stops
// and starts again with it. In each timestep all outputs must be equal. Since that
// comparison cannot see a message that was wrongly not sent, a world of originals
// goes through the same plan, and after both have healed their outputs must be equal
// too, where the program lets them depend on no timing.
//
// Tables are in memory and as durable as a disk that writes a timestep atomically
// before anything is sent; a node that crashes comes back with them and with nothing
// else. So the faults of storage are off, and so is losing a disk, against which
// no program here protects.
package trial

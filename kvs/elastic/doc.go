// Package elastic has what package policy decides come true in a store: it makes metrics of what
// nodes report, asks the policy, and asks replicas for the changes that follow, until they hold. It
// is a pure state machine, as a replica is: it is given reports and the time, and gives asks. It
// measures nothing, sends nothing, and starts no process; its host does.
//
//	nodes ──Sample──▶ Controller ──policy.Decide──▶ goal ──Ask──▶ nodes
//	                      ▲                                        │
//	                      └──────────── member.View ◀──────────────┘
//
// # What it goes by
//
// Every report has the view that the node's replica goes by. What is decided is a view too, the
// goal: the join of all that was ever reported, with what is to be. What some node goes by of it
// that others hear holds: replicas bring to all what one of them has taken, but listen to nobody of
// whom they do not know. What no such node goes by is asked for, of one node after the other, since
// an ask may be lost, or its receiver be down, or lose its disk behind it. Nothing further is decided before all of the goal holds, nobody joins or leaves, and
// all that report have settled; nor is it, but for more nodes and replicas where requests are slow,
// while a member is silent, whose load is not known.
//
// A controller keeps nothing that has to outlive it. One that starts anew hears the view from the
// nodes: the number of the last decision about a partition, and how many replicas it has, from which
// it takes the work that they were for. What an earlier one has decided and nobody has taken is
// gone, and decided again if it is still due.
//
// # Two controllers at once
//
// There should be one. Where there are two, say as one is taken for dead that is not, what they
// decide is lawful, and in the end one thing, whatever either knows of the other:
//
//   - A factor. A decision has the number after the greatest that was reported. Of two of one
//     number the greater factor counts, by its replicas on disk first; of two of unlike ones the later
//     ([member.Factors]).
//   - A node that joins has the number after the greatest that was ever used, in its first life.
//     All numbers between those of the ring and that one count as nodes unless they are known to be
//     gone, also those of which nothing was reported. So two that add a node at once add the same
//     one, or the later knows of the earlier: let M be the greatest number in use, and V the view of
//     whoever has asked for it. V counted all below M but those that are gone, to which they are
//     for good, and found room. So there are never more nodes than [policy.Targets].MaxNodes.
//   - A node that leaves is the one with the greatest number, not the one with least to do, as the
//     policy has it, while as many as a partition has replicas at least have lesser ones. So the
//     first of the ring, that many, never leave, and there are never fewer. All have like shares by
//     the ring, so that little is lost by it.
//
// All this is as long as somebody remembers it: what all who knew of a change have lost with their
// disks is decided anew, as if it had never been.
//
// An ask that comes late does no harm: a decision of a lesser number is refused, and a change of
// members says which life it is of ([member.Change].Life).
//
// Numbers are not used again, of which a store has [member.MaxMembers]; after these no node is
// added. An operator who adds a node by hand takes the next number as well, or the numbers left out
// count as nodes. To say of a node that it is gone for good is an operator's, too: who is silent may
// be back.
//
// # Partitions for keys
//
// The policy decides about keys, and replicas of the store are of partitions (package member says
// why). So each partition is handed to the policy as one key, with the work of all of its keys,
// which its owners share. By that a partition has at least the greatest number of replicas that the
// policy would give to any of its keys with its own work.
//
// # Tiers
//
// Where [Options].Targets allow for nodes of the disk tier, there are some: as many at least as a
// partition has replicas, which the controller has join. A node's tier is a part of its number
// ([ring.Ring.OnDisk]), so nodes of each tier have numbers of their own, and what is said above of
// nodes that join and leave holds of each tier apart. The policy is told of nodes of both, and in which
// tier each partition is: the one in which it has replicas by the goal.
//
// What the policy moves goes to the other tier in two steps. At first the partition has replicas in
// both. Once each active node has said that it goes by that, and has settled, all of them hold and
// serve it, and it is decided in which tier it stays: in memory if it was used more than
// [policy.Targets].Demote, else on disk. So whoever starts anew needs to know nothing of moves that
// were begun, and two controllers may disagree about one: either way is lawful, and what was decided
// last holds. In both tiers a partition is not told to the policy, and its bytes count for the tier to
// which it goes. A partition that an operator has put in both tiers does not stay there.
//
// Nothing is moved while a member is silent, or does not go by all factors yet, since what it holds
// is not known. Promoted, a partition keeps its number of replicas; demoted, it has the least.
// Where a tier has fewer nodes than the least number of replicas, the store makes them up from the
// other one (package member).
package elastic

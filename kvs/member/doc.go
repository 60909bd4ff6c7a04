// Package member says who the nodes of a store are, and how many replicas each partition is to
// have, as lattices, and what follows from that for where partitions lie, as a pure function. It
// sends nothing, moves nothing, and decides nothing that an operator has not asked for.
//
// # The lattice
//
// A [Set] maps each node that was ever named to a [State]: which life of its id this is,
// and the phase of that life,
//
//	joining < active < leaving < gone
//
// joined to the later one, node by node. States are a chain, so a set is a product of
// chains, and sets that were told in any order, twice, or by way of others come to the same.
// Nothing is taken out: a node that is gone stays so, whatever an old message says, and its
// id comes back only in a later life, which an operator has to ask for. So a set has as many
// members as ids were used, at most [MaxMembers].
//
//	phase     who says so                                holds partitions by
//	joining   an operator                                the next placement
//	active    the node, once it holds what others hold   both
//	leaving   an operator                                the old placement
//	gone      the node, once others hold what it holds;  none
//	          or an operator: its disk is lost for good
//
// # Factors
//
// A partition whose keys are used much may have more replicas than the others (selective
// replication; Wu, Sreekanti, Hellerstein: Autoscaling Tiered Cloud Storage in Anna, VLDB 2019,
// section 4). [Factors] map each partition about which somebody has decided to the last [Factor]:
// the number of the decision and how many replicas it asks for, joined to the greater number, and
// of two of one number to the one for more replicas. These are chains again. So a decision can be
// told in any order, and again, and a later one takes an earlier one back. Who decides gives the
// number; two that decide at once, and do not know of each other, come to the greater factor.
//
// The factor is of a partition and not of a key, since a partition is what all else is of: a
// replica says by the dots of a partition what it holds, and a delta is forgotten once every owner
// of the partition has said so. Had keys factors of their own, an owner of some keys of a partition
// could not say that it holds a dot without saying of which key, and each set of dots would be one
// for each set of owners. So a key has as many replicas as any key of its partition needs; with
// many partitions there are few beside it that come along.
//
// A [View] is both lattices, member by member and partition by partition.
//
// # Tiers
//
// Nodes are of two tiers: those whose id is below a number that the store has from its beginning
// ([ring.Tiered], [ring.FirstDisk] unless it says otherwise) are of the memory tier, those from it on
// of the disk tier. A node's tier is a part of its name, so there is no lattice of tiers: nobody can
// be of another opinion about one, and none changes in a life or after it. What a tier is good for
// is for whoever starts nodes to see to; here they differ in which partitions they are given.
//
// A factor is a vector: how many replicas in memory, and how many on disk (Wu, Sreekanti,
// Hellerstein, VLDB 2019, sections 3 and 4). Two that were decided at once are ordered as one number,
// by those on disk and then by those in memory: so a lattice of factors is one of chains as it was, and
// what comes of two is one of the two, never a mixture. A vector is lawful ([Factors.Lawful]) if one
// of its numbers is at least the least number of replicas, or none are on disk, and memory is made up
// to that.
//
// A partition moves from tier to tier by two decisions. By the first it has replicas in both, of
// which the old ones are owners as before. Once the view has settled, those that have come hold all
// and serve it, and the second decision leaves the old ones out. So the partition is served all along,
// and each step is one of those that factors take anyway. Who decides has to keep to that if the
// partition is to be served all along, and there is to be one who does: of two decisions that follow each
// other before all go by the first, or that two make at once, the later one may be the only one that a
// node hears of.
//
// By a decision that leaves out all who own the partition nothing is lost, as those that are pushed out
// keep all until every owner holds it; nor by one that overtakes another. The new owners refuse reads of
// the partition, and deletes that take away what they have seen, until each member that is not gone has
// told them, owner or not, what it holds of it, and they have that (kvs/sources.go). So while a member is
// down, whichever it is, nobody serves the partition until it is back, or an operator says that it is gone.
//
// Two cases remain in which new owners serve a partition as if it were empty. A replica that starts
// again is not fresh any more, as where members come and go; it is only where no owner stayed by the
// last step of its view that its disk tells. And of three changes that are on their way at once, each of
// which leaves out all owners by the one before, it may be that each new owner has heard of the one by
// which another one owned the partition without it, and has missed the one by which it owned the partition
// without the other: then they take each other for those that hold it.
//
// # Placement
//
// The old placement is the ring over the nodes that are active or leaving, the next one that
// over those that are active or joining ([Place]). The owners of a partition are those of
// both: while nodes come and go, a write is with all owners of either before the last delta
// of it is forgotten. Once nobody joins or leaves, both are one. Where one of the two
// placements would have no node, the other one stands for it. Either has of each partition as many
// owners in each tier as its factor says, or all nodes of a tier that has fewer: the first so many on
// the way around the ring of the nodes of that tier, memory before disk. Where these are fewer than are
// configured, they are made up to that by further nodes of the memory tier, and, where that has no
// more, of the disk tier. So a partition has as many owners as are configured as long as there are as
// many nodes; one that is to be on disk is in memory while there is no disk tier, and the other way
// round. The owners by a lesser vector are among those by one that is greater in both numbers, and a
// factor that rises so takes a partition from nobody.
//
// # Why nothing is lost while views differ
//
// Each replica goes by the set that it knows, its view. Views rise at different times, and two
// that rose apart may be incomparable, so that replicas do not agree on who owns what. What
// keeps a write in the store are two rules for a replica and a partition.
//
//   - Claim. It tells others that it holds a write only while it is an owner by its own view,
//     or was one and has not let go, and only if the write is on its disk with its value.
//   - Let go. It keeps what it has claimed while it is an owner by the next placement of its
//     view v; and when it is none, until each that is one has told it, in its present
//     incarnation and under the view v, that it holds all that is to be dropped. One that has
//     let go and becomes an owner again does so as a new incarnation, so that nothing counts
//     that it claimed before.
//
// If a write was claimed once, somebody holds it at every time after, as long as disks are not
// lost. For suppose that all who held it have let go. Take one such that no other's view, when
// it let go, was above its view v. Some node y is an owner by the next placement of v, and
// said under v that it holds the write. By assumption y has let go too, after it said so, and
// so under a view by whose next placement y is no owner. That is another one than v, and above
// it, since a view only rises: a contradiction. (If nobody is an owner, nobody lets go.) Where
// a disk is lost, a write is lost if that was the last replica that held it, as with owners
// that never change: whoever declares a node gone says that its disk does not count. A disk that is
// lost takes back nothing of what its node has said. So a write is lost, too, if all that are to hold it
// have said that they do, and then lose it with their disks, and the last one that leaves goes by what
// they said, which may still have been on its way: it cannot know better, as it could not had the disks
// been lost just after it let go.
//
// And once all views are one, every owner by it comes to hold the write: owners offer each
// other what they hold, and whoever is none keeps it until all of them do.
package member

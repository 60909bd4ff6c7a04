// Package kvs is the core of a coordination-free, multi-master key-value store:
// one replica as a pure state machine. Events go in (a message, a timer, a
// finished write to disk), effects come out (messages, timers, records to
// persist, answers), and nothing else happens: the package has no socket, no
// clock, no goroutine and no file. A simulator and a server host the same core.
//
// Every stored value is a lattice and every write a delta of it, so replicas may
// merge in any order and as often as they like. A write is made visible, offered
// to others and acknowledged only when it is durable; a dot (replica incarnation,
// partition sequence) names it for ever and is not reused after a crash, because
// a restart takes a new incarnation.
//
// A replica that starts cannot know whether its disk is whole: it may be empty, or an old
// one. So it asks its peers what they hold, and tells them what it does; this digest of its
// new incarnation stands in place of what they believed of earlier ones. If it lacks what
// no log keeps any more, it is brought up by a snapshot of the partition, in pieces, which
// like deltas is durable before it is visible. It asks for them, a window of
// [Config.SnapshotBytes] at a time, and goes on from where it stands after a loss, a
// restart of either side, or with another peer; the pieces of a partition that is not
// whole yet, or not folded into its values, are in memory, encoded, also where values are kept
// outside: a member that lies about what it has can make them many. It is visible in one moment,
// and folded in by many steps, so that none takes longer the more keys there are. A write that only the lost disk had is lost with
// it, and a read that depends on it fails at its deadline for good.
//
// An incarnation that has written leaves something for good: at each owner a span of dots in
// every partition that it has written to, and a mark in every value that has a write of its,
// by which these writes are told from others for as long as a replica, a session or a disk
// may come with something from before. With three owners that is 24 bytes for the span, as
// many for what each of the two others is known to hold, 16 for the order in which dots came,
// and 24 for the mark: about 110 bytes of memory for one partition and one value, which grow
// with the restarts of nodes that write, and are not taken back. An incarnation that has
// written nothing leaves nothing, and messages do not grow ([github.com/joinery-go/joinery/kvs/gossip.Digest]). To forget those
// that have ended, all owners would have to agree, for each node, on an incarnation before
// which none of its writes is missing anywhere or may come again, from a node that hands
// over or a disk that has gone back in time either. That is not done.
//
// A value has a bound: a write that would bring it above [Config.MaxValueBytes] is refused
// by [wire.StatusTooLarge]. A replica goes by what it holds, so that owners which did not
// know of each other's writes, and replicas that hand over what they were given for keys of
// which they are no owners, may bring a value above it. What has been acknowledged is not
// lost by that: the value is persisted and recovered, whatever its size, unless it is kept
// outside by what holds less ([Config.Values]), and travels in a snapshot in parts. Above
// [wire.MaxMessage] it cannot be read, which is refused by the same status.
//
// Replicas of two versions of the protocol run together ([Config.Speaks]): a node writes to each
// peer in the newest version that both read. Clients, and disks, go by the older one's forms.
//
// A write that is repeated, to the same replica or another, is answered and counts once.
// Its identity is session and number. A replica that has it answers with what it has; one
// that has not heard of it serves it, without waiting for others, so that it may be in the
// store under two dots, of which every replica makes one: the write of a register carries
// the time that the session has given it, an element is in a set once, and a counter's
// repeat has a row to itself, which is taken back where the first write is met; such a repeat
// is served by owners alone, and others refuse it by [wire.StatusNotOwner]. Of a
// session the last four requests are remembered, and those that an owner may lack, and
// sessions until they have been idle for MaxIdleMS or MaxSessions others have written
// since; what may be forgotten is refused by [wire.StatusForgotten] and not served, and so is
// a repeat that comes half as late and is not remembered where it comes. Four
// cases remain in which a counter shows a write twice. A replica that meets a repeat late,
// of a session that has gone on by more than is remembered, shows it until the replica
// which served the repeat has told it, about a round of gossip. A request that is
// repeated to a replica which has served it, and has lost that with its disk, counts twice
// if it comes to be forgotten by all before that replica has got it back. So does one that
// comes to such a replica as a duplicate of the network, since it is not marked as a repeat;
// and one whose record is cut out of a disk on which that of a later one of the same counter
// is whole, since that has the sum of both.
//
// A delete ([wire.Request].Delete) is a write: it has a dot and a time, is durable before it
// is visible, and its delta is joined to what is held as any other, so that owners which hear
// of it late, twice or in another order come to the same. What it takes away is the kind's to
// say (package kind): of a register all that was written earlier, of a set and a counter what
// the replica holds that serves it. So the latter are served by owners alone, and at a level
// whose reads wait a delete waits as these do, until what its session must see is there. A
// read of something deleted is answered with [wire.Response].Deleted. What is left is kept by
// each owner: of a key about what a small value takes, since a replica that was away, or a
// write that is late, may bring what was deleted, and must not bring it back. Of a register it
// is forgotten once it is older than [Config.LateMS] by the clocks of all nodes, all have
// promised to write nothing as early as that any more, and every owner holds what they had
// written; a node that is away has it stay, as has one that joins or leaves until it has. From
// then on the key reads as one that was never written, and a write to a register that comes as late is refused by [wire.StatusForgotten].
// Of other kinds it is kept for good. Why that is safe, and what it relies on, is said in
// floors.go and tombstones.go. [Replica.Tombstones] counts such keys. A delete is not refused
// for the size of its value.
// Two cases remain in which a delete leaves something that one may take to be seen: a counter
// of which the delete has seen the repeat of an increment alone shows the first write once
// that comes, and a delete that is repeated to another replica takes away what either has
// seen.
//
// Values can lie outside of memory ([Config.Values]): in memory are then those used last,
// and of each key its name and what says which writes its value has. A checkpoint puts
// those that changed there and names them, so that a start reads the names and no value;
// one that is lost there is named, written down, and asked of the peers.
//
// Reads at every level but eventual are threshold reads: they wait until the replica has
// applied what their session must see, or what the writes that they show depend on, as the
// level asks, and fail at their deadline; they are
// never answered with a stale value. What a session depends on it shows with the proof
// of a replica, so that a client cannot invent a dependency; where it has become long, a mark
// of a cut stands for most of it. Which level asks for what is said in package session, and
// was measured by "simfuzz levels --measure" (kvs/session/LEVELS.md). A session's number, which
// the host should draw at random, is what else it has to prove itself by.
//
// A write is answered once it is on the disk of the replica that took it. It may ask to be
// answered from memory, before that: then a crash of that replica may undo it, and whatever
// depends on it can be read no more. Or it may ask for owners: then it is answered once as
// many have it on their disks, and if that does not come about before its deadline it is
// answered by [wire.StatusUnavailable], and stays.
//
// Several keys may be read, and several writes be made, by one request ([wire.MultiGet],
// [wire.MultiPut]), bounded in number and bytes. Reads are answered together, of one moment
// of the replica, each key for itself; at a level whose reads wait none is answered before all
// can be, and then no value is older than what another one depends on, as the level has it.
// Writes are served in their order, each with a dot, a record and an answer of its own, and
// a later one depends on those before; the first that is refused ends them. Neither is a
// transaction: others may see some of the writes and not the rest.
//
// A client may subscribe to a key at an owner ([wire.Subscribe]): it is told the value, and
// then each growth of it, one update at a time, until it has acknowledged that; see
// [github.com/joinery-go/joinery/kvs/subscription] for the other side. Subscriptions are not on
// the disk: a subscriber that hears nothing goes to another owner, and what it joins rises. A
// message of a subscriber that comes when its subscription is over begins it once more; an
// update says upon which messages it is made, so that one which is made without what the
// session has seen since is left. A replica keeps so many, and where there is no room it takes
// from the machine that has most, as far as the host tells machines apart ([Event].Asker):
// sessions can be invented.
//
// Nodes may join, leave and be replaced while the store runs ([EventMember]). Who the members are
// is a lattice, and where partitions lie follows from it
// ([github.com/joinery-go/joinery/kvs/member], which says why nothing is lost while replicas do
// not agree on it). A replica that loses a partition keeps it until all owners have told it, under
// the same view, that they hold all of it; one that gains a partition refuses reads of it until
// it has what the other owners hold, unless it starts again meanwhile: then it serves at once, as
// one does that has lost its disk, and reads at a level that waits do so. If none of the owners held
// it before, it waits for all members, and, mostly, after a start too (sources.go). A change of who is a
// member costs each replica a look at each of its partitions and no value. While a node that has
// gained a partition waits for an owner that is down, it stays one that joins: an operator has to
// say that the other one is gone. Of what a disk still has of a partition that was let go of,
// the next checkpoint cuts the records off; a start before that finds it again, says so, and hands
// it over once more.
//
// A partition may be given more replicas than the ring says, up to all members, and fewer again
// ([EventFactor]): that is a part of the view, and whoever comes to own the partition by it, or does
// not any more, does what it does where members come and go. A factor is of a partition, which is
// the unit of gossip, dots and acknowledgements; package member says why. What it costs: a
// replica that has let go of a partition, and is to own it again, starts again from its disk. What
// was deleted is forgotten only while nothing is handed over, as where members come and go.
//
// Nodes are of two tiers, memory and disk, by their names, and a factor says how many replicas a
// partition has in each (package member). To a replica its tier is only where it lies: partitions are
// promoted and demoted by factors that rise and fall, and a node of the disk tier is one whose host
// gives it [Config].Values and little room for them in memory. Who decides is package elastic.
//
// Clients are trusted with nothing. Peers are, as far as their word cannot be checked:
// a message counts only if the host says it is of the member in whose name it speaks,
// hybrid times are followed as far as the host's own clock vouches for them, and no
// peer can hand out this replica's dots; but one that lies about what others wrote, or
// what it holds itself, is believed. The store refuses transactions and linearizable
// operations. (Anna, ICDE'18; "Anna 2: Monotonic Boogaloo".)
package kvs

package archtest

// Room is one row of the import table: the packages it governs and what they may
// import beside the standard library.
type Room struct {
	// Pattern is a package path relative to the module. "a/b" governs that
	// package and its own a/b/internal/...; "a/..." governs a/ and all below it
	// that no more specific row governs.
	Pattern string
	// Packages are patterns, in the same form, of importable packages of this
	// module. A room may always import its own internal packages.
	Packages []string
	// TestOnly rooms are imported by tests alone: production code of other rooms
	// may not, whatever its row says.
	TestOnly bool
	// Modules are import path prefixes outside the module and the standard
	// library.
	Modules []string
}

// Third-party import path prefixes that rows name.
const (
	rapidPath     = "pgregory.net/rapid"
	gopterPath    = "github.com/leanovate/gopter"
	porcupinePath = "github.com/anishathalye/porcupine"
	testifyPath   = "github.com/stretchr/testify"
	protobufPath  = "google.golang.org/protobuf"
	pebblePath    = "github.com/cockroachdb/pebble"
	pebble2Path   = "github.com/cockroachdb/pebble/v2"
	minioPath     = "github.com/minio/minio-go/v7"
	chromedpPath  = "github.com/chromedp/chromedp"
	cdprotoPath   = "github.com/chromedp/cdproto"
	gofakes3Path  = "github.com/johannesboyne/gofakes3"
	roaringPath   = "github.com/RoaringBitmap/roaring/v2"
	xxhashPath    = "github.com/cespare/xxhash/v2"
	btreePath     = "github.com/tidwall/btree"
	bloomPath     = "github.com/bits-and-blooms/bloom/v3"
	vfsPath       = pebblePath + "/vfs"
	vfs2Path      = pebble2Path + "/vfs"
)

// everything below the outer ring, for the rooms that join all of it.
var inner = []string{
	"lattice/...", "gen/...", "laws/...", "sim/...", "linearizability/...", "models/...",
	"kvs", "kvs/host", "kvs/wire", "kvs/kind", "kvs/ring", "kvs/member", "kvs/gossip", "kvs/session", "kvs/subscription", "kvs/policy", "kvs/elastic", "kvs/store/...", "kvs/resp",
}

// Rooms is the import table. It is a directed acyclic graph because Go's
// packages are; what it adds is that the arrows point only where this table
// lets them.
var Rooms = []Room{
	{Pattern: "lattice/attest"}, // imported by those that run checks, and by the one that makes evidence
	{Pattern: "lattice", Packages: []string{"lattice/attest"}},
	{
		Pattern: "lattice/internal/lawtest", TestOnly: true, Packages: []string{"lattice"},
		Modules: []string{rapidPath, testifyPath},
	},
	{Pattern: "lattice/causal", Packages: []string{"lattice"}},
	{Pattern: "lattice/roaring", Packages: []string{"lattice"}, Modules: []string{roaringPath}},
	{Pattern: "lattice/flow", Packages: []string{"lattice", "lattice/attest"}},
	{Pattern: "lattice/edelweiss"},
	{Pattern: "lattice/edelweiss/eval", Packages: []string{"lattice/edelweiss"}},
	{Pattern: "lattice/edelweiss/certify", Packages: []string{"lattice/edelweiss"}},
	{Pattern: "lattice/edelweiss/certify/claims", TestOnly: true, Packages: []string{"lattice/edelweiss/..."}},
	{Pattern: "lattice/edelweiss/reclaim", Packages: []string{"lattice/edelweiss", "lattice/edelweiss/certify"}},
	{
		Pattern: "lattice/edelweiss/explain",
		Packages: []string{
			"lattice/edelweiss", "lattice/edelweiss/certify", "lattice/edelweiss/reclaim", "lattice/edelweiss/programs",
		},
	},
	{Pattern: "lattice/edelweiss/programs", Packages: []string{"lattice/edelweiss"}},
	{
		Pattern:  "lattice/edelweiss/trial", // the one of them that knows the simulator
		Packages: []string{"lattice/edelweiss/...", "sim", "sim/net", "sim/shrink", "gen/choice", "gen/choice/tapefile"},
	},
	{ // a test that runs its broadcast beside the store's gossip
		Pattern: "lattice/edelweiss/trial/compare", TestOnly: true,
		Packages: []string{"lattice/edelweiss/...", "lattice/causal", "kvs/gossip", "kvs/ring", "sim", "sim/net", "gen/choice"},
	},

	{Pattern: "gen/choice", Modules: []string{rapidPath}},
	{Pattern: "gen/choice/tapefile", Packages: []string{"gen/choice"}}, // of whoever records choices
	{Pattern: "gen", Packages: []string{"lattice", "lattice/causal", "gen/choice"}, Modules: []string{rapidPath}},
	{Pattern: "gen/gopter", Packages: []string{"gen", "gen/choice", "lattice"}, Modules: []string{gopterPath}},

	{Pattern: "laws", Packages: []string{"lattice", "gen", "gen/choice", "lattice/attest"}, Modules: []string{rapidPath}},
	{Pattern: "laws/gopterlaws", Packages: []string{"laws", "gen", "gen/gopter", "lattice"}, Modules: []string{gopterPath}},
	{Pattern: "laws/operators", Packages: []string{"laws", "gen", "lattice", "lattice/flow"}, Modules: []string{rapidPath}},
	{Pattern: "laws/zoo", Packages: []string{"laws", "laws/operators", "gen", "lattice/..."}},
	{Pattern: "laws/zoo/reports"}, // holds tests and their log alone
	{Pattern: "laws/shipped", Packages: []string{"laws", "gen", "lattice/..."}},

	{Pattern: "sim", Packages: []string{"gen/choice"}},
	{Pattern: "sim/net", Packages: []string{"sim", "gen/choice"}},
	{Pattern: "sim/internal/seeded", TestOnly: true}, // holds tests against seeded faults
	{Pattern: "sim/disk", Packages: []string{"sim", "gen/choice", "sim/internal/seeded"}, Modules: []string{vfsPath, vfs2Path}},
	{Pattern: "sim/shrink", Packages: []string{"sim", "gen/choice"}},
	{Pattern: "sim/explore", Packages: []string{"sim", "gen/choice"}},
	{Pattern: "sim/standin", Packages: []string{"sim"}},
	{Pattern: "sim/wall"}, // for those around runs, never within one
	{Pattern: "sim/rewind", Packages: []string{"sim", "gen/choice"}},
	{ // histories are drawn as runs are; sim/net is for its tests
		Pattern: "sim/report", Packages: []string{"sim", "sim/net", "linearizability/history"},
	},
	{Pattern: "sim/campaign", Packages: []string{"sim", "sim/net", "sim/shrink", "sim/rewind", "sim/report", "sim/wall", "gen/choice", "gen/choice/tapefile", "linearizability/history"}},
	{ // state that workers share through a bucket, of which it needs the contract alone
		Pattern: "sim/campaign/distributed", Packages: []string{"lattice", "lattice/causal", "kvs/store", "sim/internal/seeded"},
	},
	{Pattern: "sim/campaign/invariant", Packages: []string{"sim", "sim/campaign"}},
	{Pattern: "sim/campaign/register", Packages: []string{"sim", "sim/campaign", "sim/campaign/consistency", "linearizability/history"}},
	{Pattern: "sim/campaign/consistency", Packages: []string{"sim/campaign", "linearizability", "linearizability/history"}},
	{ // whole protocols, as anybody would write them
		Pattern:  "sim/campaign/examples/...",
		Packages: []string{"sim", "sim/disk", "sim/campaign", "sim/campaign/register"},
	},
	{ // fuzzes in go test, on all processors
		Pattern: "sim/simtest", TestOnly: true, Packages: []string{"sim/campaign"},
	},
	{Pattern: "sim/scenario", Packages: inner},
	{Pattern: "sim/scenario/workload", Packages: []string{"lattice", "gen/choice", "linearizability/history", "kvs/kind", "kvs/ring", "kvs/session", "sim"}},
	{ // replicas that are cut off from each other, by the plainest network there is
		Pattern: "sim/scenario/split", Packages: []string{"kvs", "kvs/gossip", "kvs/host", "kvs/kind", "kvs/ring", "kvs/session", "kvs/wire"},
	},
	{
		Pattern: "sim/scenario/oracle", // it looks into replicas, and at what is asked and answered
		Packages: []string{
			"lattice/...", "linearizability/history", "sim", "sim/campaign", "sim/scenario/workload",
			"kvs", "kvs/gossip", "kvs/kind", "kvs/member", "kvs/ring", "kvs/session", "kvs/wire",
		},
		Modules: []string{xxhashPath}, // what a ring hashes with, to place keys a second time
	},
	{
		Pattern: "sim/scenario/smallscope",
		Packages: []string{
			"lattice", "linearizability/history", "sim/explore", "sim/scenario/workload",
			"kvs", "kvs/gossip", "kvs/host", "kvs/kind", "kvs/ring", "kvs/wire",
		},
	},
	{ // trials of event-log programs on the engines: the one room that knows both
		Pattern:  "sim/edelweiss",
		Packages: []string{"lattice/edelweiss/...", "sim", "sim/disk", "sim/engines", "gen/choice", "kvs/store"},
	},
	{ // the same workers as a protocol, with their engines on simulated disks
		Pattern:  "sim/workers",
		Packages: []string{"kvs/workers", "kvs/store", "sim", "sim/disk", "sim/engines", "sim/campaign", "sim/internal/seeded", "gen/choice"},
	},
	{ // the store with a kind of its own that is no lattice, beside one that is
		Pattern: "sim/causalvalue",
		Packages: []string{
			"lattice", "lattice/causal", "kvs", "kvs/gossip", "kvs/host", "kvs/kind", "kvs/ring", "kvs/wire", "sim", "sim/campaign",
		},
	},
	{ // what the rooms that run engines on simulated disks have in common
		Pattern: "sim/engines", Packages: []string{"kvs/store", "kvs/store/..."},
	},

	{Pattern: "linearizability/history"},
	{Pattern: "linearizability/contract", Packages: []string{"models", "linearizability/history"}},
	{
		Pattern: "models/...", Packages: []string{"lattice/...", "linearizability/history", "models/..."},
		Modules: []string{porcupinePath},
	},
	{ // kvs and sim/net are for its tests, which compare it with the store
		Pattern:  "models/pipeline",
		Packages: []string{"lattice", "lattice/causal", "lattice/flow", "kvs", "kvs/wire", "kvs/kind", "kvs/ring", "kvs/gossip", "sim/net"},
	},
	{
		Pattern: "linearizability", Packages: []string{"models", "linearizability/history", "linearizability/contract", "lattice"},
		Modules: []string{porcupinePath},
	},

	{Pattern: "kvs", Packages: []string{"lattice/...", "kvs/wire", "kvs/kind", "kvs/ring", "kvs/member", "kvs/gossip", "kvs/session", "kvs/store"}},
	{ // kvs/store for the contract of engines alone, in which it has a replica's values kept
		Pattern: "kvs/host", Packages: []string{"kvs", "kvs/wire", "kvs/kind", "kvs/ring", "kvs/gossip", "kvs/store"},
	},
	{Pattern: "kvs/kind", Packages: []string{"lattice/...", "kvs/internal/varint"}},
	{Pattern: "kvs/wire", Packages: []string{"lattice/...", "kvs/kind", "kvs/ring", "kvs/member", "kvs/gossip", "kvs/session", "kvs/internal/varint"}},
	{Pattern: "kvs/ring", Modules: []string{xxhashPath}},
	{Pattern: "kvs/policy", Packages: []string{"kvs/ring"}},
	{Pattern: "kvs/elastic", Packages: []string{"kvs", "kvs/member", "kvs/policy", "kvs/ring"}}, // between the policy and the store
	{Pattern: "kvs/member", Packages: []string{"lattice", "kvs/ring"}, Modules: []string{xxhashPath}},
	{Pattern: "kvs/resp"},
	{Pattern: "kvs/internal/varint"},
	{Pattern: "kvs/gossip", Packages: []string{"lattice/...", "kvs/ring", "kvs/session", "kvs/internal/varint"}},
	{Pattern: "kvs/session", Packages: []string{"lattice/...", "kvs/kind", "kvs/ring", "kvs/internal/varint"}}, // kinds: a transaction reads its own writes
	{Pattern: "kvs/subscription", Packages: []string{"lattice/...", "kvs/gossip", "kvs/kind", "kvs/ring", "kvs/session", "kvs/wire"}},
	{Pattern: "kvs/store", Modules: []string{vfsPath, vfs2Path}},
	{Pattern: "kvs/store/internal/record", Packages: []string{"kvs/store"}},
	{Pattern: "kvs/store/internal/catalog", Packages: []string{"kvs/store"}, Modules: []string{vfsPath, vfs2Path}},
	{Pattern: "kvs/store/internal/lifecycle", Packages: []string{"kvs/store"}},
	{Pattern: "kvs/store/internal/logset", Packages: []string{"kvs/store"}, Modules: []string{vfsPath, vfs2Path, xxhashPath}},
	{
		Pattern: "kvs/store/storetest", TestOnly: true,
		Packages: []string{"kvs/store/lsm", "kvs/store/memory", "kvs/store", "kvs/store/snapshot", "gen", "gen/choice", "sim", "sim/disk"},
		Modules:  []string{rapidPath, testifyPath, vfsPath, vfs2Path},
	},
	{Pattern: "kvs/store/memory", Packages: []string{"kvs/store"}, Modules: []string{vfsPath, vfs2Path}},
	{Pattern: "kvs/store/appendlog", Packages: []string{"kvs/store"}, Modules: []string{vfsPath, vfs2Path}},
	{Pattern: "kvs/store/hybridlog", Packages: []string{"kvs/store"}, Modules: []string{vfsPath, vfs2Path}},
	{
		Pattern: "kvs/store/lsm", Packages: []string{"kvs/store"},
		Modules: []string{vfsPath, vfs2Path, btreePath, bloomPath, xxhashPath}, // the last for what the keys of a run add up to
	},
	{Pattern: "kvs/store/pebble", Packages: []string{"kvs/store"}, Modules: []string{pebble2Path}},
	{Pattern: "kvs/store/workload"},
	{Pattern: "kvs/store/yardstick", Packages: []string{"kvs/store"}, Modules: []string{pebble2Path}},
	{Pattern: "kvs/store/snapshot", Packages: []string{"kvs/store"}, Modules: []string{vfsPath, vfs2Path}},
	{Pattern: "kvs/store/snapshot/s3bucket", Packages: []string{"kvs/store"}, Modules: []string{minioPath}},
	{ // workers over engines: the contract, and how branches of snapshots are made of one another
		Pattern: "kvs/workers", Packages: []string{"kvs/store", "kvs/store/snapshot"},
	},
	{Pattern: "kvs/server", Packages: []string{"kvs", "kvs/session", "kvs/resp"}},
	{Pattern: "kvs/client", Packages: []string{"kvs", "kvs/session", "kvs/resp"}},

	{Pattern: "cmd/...", Packages: []string{"..."}, Modules: []string{""}},
}

// InTests is what test files may import beyond what their package may: the
// tools that this module is about, the libraries it stands on, and the one loop that
// hosts a replica, which tests of the core go through like everybody.
var InTests = Room{
	Packages: []string{"gen/...", "laws/...", "models/...", "kvs/host", "kvs/store/storetest", "kvs/store/snapshot/...", "sim", "sim/disk", "sim/simtest", "sim/campaign/..."},
	Modules:  []string{testifyPath, rapidPath, gopterPath, porcupinePath, pebble2Path, protobufPath, minioPath, gofakes3Path, chromedpPath, cdprotoPath},
}

// TopLevel is what may stand beside .git in the repository's root, with the
// reason it may. Dotfiles may stand there too.
var TopLevel = map[string]string{
	"lattice":         "the algebra",
	"gen":             "choices and generators",
	"laws":            "laws and their checking",
	"sim":             "the simulator",
	"linearizability": "histories and verdicts",
	"models":          "specifications",
	"kvs":             "the store",
	"cmd":             "the tools",
	"go.mod":          "one module",
	"go.sum":          "one module",
	"README.md":       "the door",
	"LICENSE":         "Apache-2.0",
	"runs":            "what simfuzz leaves behind; git ignores it",
}

// junkDrawers are package names that say nothing of what is inside.
var junkDrawers = map[string]bool{
	"util": true, "utils": true, "common": true, "helper": true, "helpers": true, "misc": true, "shared": true,
}

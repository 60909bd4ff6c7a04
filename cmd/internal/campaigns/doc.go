// Package campaigns is the commands of campaigns that workers share, as the programs of this
// module have them in common: campaign and merge. It opens buckets by their URLs, runs claims
// of seeds, keeps what fails, and says what has come of it all.
//
// What a seed is, and how one is run and shrunk, the program says that has the commands. What
// workers share and who runs what, package sim/campaign/distributed decides.
package campaigns

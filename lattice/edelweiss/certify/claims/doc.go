// Package claims holds the tests of package certify that begin with what package
// reclaim makes, which certify itself must not import: each premise is claimed where
// it does not hold, and the checker must name it.
package claims

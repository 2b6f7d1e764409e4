// Package history makes years of calls for tests and benchmarks. It promises
// that the same Size always gives the same rows, as the daemon itself would have
// written them; that a size is made once on a machine, and copied from the cache
// folder from then on; and that the schema is the one that package db has now.
package history

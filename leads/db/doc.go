// Package db is the one door to the database file. It promises that what Do
// answered with nil is on the disk and stays there whatever happens to the
// process or the machine; that what it answered with an error has left nothing
// half-written; and that the file is never opened by two daemons, by a program
// that is too old for it, or changed by a migration without a copy beside it.
//
// There is one writer. Do queues a function, and a single goroutine runs what
// waits in one transaction, commits, and answers each: the price of one fsync is
// shared by all who wait (measured on modernc SQLite with synchronous=FULL: 4,600
// transactions a second alone, 44,000 with 32 waiters). When one of them fails,
// all are undone and run again with a savepoint each, so that it fails alone: a
// function has no effect but through its Tx, and sets what it returns anew.
// Readers have connections of their own that cannot write.
//
// SQL is written with $1 placeholders and times are integer milliseconds (see
// Millis), so that a second engine can come later.
package db

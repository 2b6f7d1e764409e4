// Package jobs keeps promises. It promises that what was enqueued in a committed
// transaction is done once its time has come, whatever happens to the process
// in between; that the same key is never taken twice; that the next attempt is
// booked before this one is made; and that what became of a job is written in
// the same transaction that ends it.
//
// A crash in mid-work is the one case in which nobody can know what has left
// the house. Each kind of work says beforehand what then holds: Repeat, when
// the receiver removes doubles, or InDoubt, when doing it twice would be worse
// than perhaps not at all.
//
// The database is the only memory. The Runner remembers of it the earliest due
// time of each lane, sleeps until then, and is woken by commits that enqueue
// something earlier; it does not poll.
//
// Nothing is done before the clock shows its due time. When the clock is set
// while the process runs, what was promised for soon is moved with it (see
// Work.Dated); while no process ran nobody can know that it was set, and due
// times hold as they stand.
package jobs

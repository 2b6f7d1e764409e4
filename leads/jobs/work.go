package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ringback/leads/db"
)

// Crash says what it means that a process died, or the work panicked, in the
// middle of a job.
type Crash int

const (
	// Repeat: do it again. The receiver removes doubles (by a webhook id, a
	// channel id), or doing it twice does no harm.
	Repeat Crash = iota
	// InDoubt: never do it again. It may have been done and it may not, nobody
	// can know; Work.InDoubt writes that down and decides what follows.
	InDoubt
)

// Work is how the jobs of one kind are done. Exactly one of Do and InTx is set.
type Work struct {
	// Kind is the kind of its jobs. One that ends in "*" takes, when the Runner
	// starts, what waits of all kinds that begin so and that nobody does any
	// more, such as those of a channel that is not configured any more: InTx
	// decides what follows, and the job ends as Failed. What a dead process had
	// in hand of them goes to InDoubt.
	Kind string
	// Crash is for Do; what InTx does is undone by a crash as if it had never
	// begun.
	Crash Crash
	// Workers is how many jobs of one lane are in hand at a time; 0 is 1.
	Workers int
	// Timeout is when the context of Do ends; 0 is a minute.
	Timeout time.Duration
	// ByExpiry takes, of what is due in a lane, first what expires first, and
	// not what has been due longest. What never expires comes last.
	ByExpiry bool
	// Dated says that due times are dates of the world outside (an opening, an
	// appointment): when the clock is set they stay, where others move with it.
	Dated bool
	// AtOnce has a job that is due when it is promised taken in hand, or done
	// where it is InTx, by the transaction that promises it: the one that would
	// claim it is spared. Where others wait, or all workers are busy, it waits as
	// any other. A Look in that transaction finds it Held; one that is InTx is
	// done, and has its row, by the end of the function that promises it.
	AtOnce bool
	// Patience is how much later what became of a job may be recorded, so that
	// it shares a commit with something else; not where it has failed, nor where
	// others wait for its worker. So much longer a crash finds it in mid-work.
	Patience time.Duration

	// Do does the job, outside any transaction; it may wait for the network.
	// It must return when ctx ends: at the timeout, or when a graceful stop
	// has no more time.
	Do func(ctx context.Context, j Job) Result
	// InTx does a job that consists of nothing but writing, in the transaction
	// that would otherwise claim it: it costs one commit. Its error undoes what
	// it wrote, and it is tried again later.
	InTx func(tx *db.Tx, j Job) error

	// InDoubt is called for a job that was in hand when a process died, or
	// whose Do panicked, instead of doing it again. It must be set when Crash
	// is InDoubt.
	InDoubt func(tx *db.Tx, j Job) error
	// Expired is called for a job whose time ran out before it was begun; nil:
	// it ends in silence.
	Expired func(tx *db.Tx, j Job) error
	// GaveUp is called when a job is given up because our own side failed too
	// often: InTx, InDoubt, Expired or a Note returned errors, or Do panicked.
	// nil: only the log, the metric and the row's error tell. It is not called
	// for a Result with an Err, whose Note has told what there is to tell.
	GaveUp func(tx *db.Tx, j Job, err error) error
}

// Result is what became of one attempt.
type Result struct {
	// Note writes it down, in the transaction that ends the attempt; it may
	// enqueue what follows. nil: nothing to write.
	Note func(tx *db.Tx) error
	// Again is the pause before it is tried again, from when this attempt has
	// been recorded; 0: never, this was the last.
	Again time.Duration
	// Err is why it did not succeed, kept in the job's row. Without Again the
	// job has failed for good.
	Err error
	// Doubt says that it may have been done and may not, and nobody can know:
	// without Again the job ends as Doubtful, and not as Failed. What follows is
	// for the Note to write; Work.InDoubt is not called.
	Doubt bool
}

func (w *Work) check() error {
	switch {
	case w.Kind == "":
		return errors.New("jobs: work without a kind")
	case (w.Do == nil) == (w.InTx == nil):
		return fmt.Errorf("jobs: work %s needs either Do or InTx", w.Kind)
	case w.Kind == "*", w.strays() != "" && (w.InTx == nil || w.InDoubt == nil):
		return fmt.Errorf("jobs: work %s for strays needs a prefix, InTx and InDoubt", w.Kind)
	case w.Crash == InDoubt && (w.InDoubt == nil || w.Do == nil):
		return fmt.Errorf("jobs: work %s is in doubt after a crash, and has no InDoubt for its Do", w.Kind)
	}
	if w.Workers <= 0 {
		w.Workers = 1
	}
	if w.Timeout <= 0 {
		w.Timeout = time.Minute
	}
	return nil
}

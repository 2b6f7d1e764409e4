package cdr

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Open gives the call records that the configuration names. It reads nothing yet:
// a source that cannot be read today may be there tomorrow, and says so when it
// is read.
func Open(c Config) (Source, error) {
	var s Source
	switch {
	case c.SQL != nil:
		db, err := openSQL(*c.SQL, c.SQL.Password.Reveal())
		if err != nil {
			return nil, err
		}
		s = db
	case c.CSV != "":
		s = csvSource{c.CSV}
	default:
		return nil, errors.New("cdr: the configuration names no call records (cdr.csv or cdr.sql)")
	}
	if c.QueueLog != "" {
		s = queued{s, queueLog{c.QueueLog}}
	}
	return s, nil
}

// queued adds the lines of the queues to what another source tells.
type queued struct {
	Source
	queue queueLog
}

// Read gives the records also where the lines of the queues cannot be read:
// reasons are coarser without them, and no call is lost. Log.Coarser says so.
func (s queued) Read(ctx context.Context, since, until time.Time, calls []string) (Log, error) {
	log, err := s.Source.Read(ctx, since, until, calls)
	if err != nil {
		return log, err
	}
	queue, unreadable, coarser := s.queue.read(ctx, newQuery(since, until, calls))
	log.Queue, log.Unreadable, log.Coarser = queue, log.Unreadable+unreadable, errors.Join(log.Coarser, coarser)
	return log, nil
}

// Inspection is what a source shows of itself, to those who set up the PBX.
type Inspection struct {
	// Records are how many of the newest were looked at, Unreadable the lines
	// between them that are none.
	Records, Unreadable int
	// UniqueID and LinkedID say whether the newest record has these columns:
	// without them calls can hardly be told apart.
	UniqueID, LinkedID bool
	// Newest is when the newest record ended; zero where there is none. Written is
	// when the PBX wrote last, by the clock of the file's machine; zero where that
	// is not known. Where Newest is long before Written, records are held back
	// (batch mode), or the clocks differ.
	Newest, Written time.Time
	// Zone is by how much the PBX's times are ahead of UTC; Zoned says that the
	// records tell it, and not only the time at which the file was written.
	Zone  time.Duration
	Zoned bool
	// Alone says that there is a record of a call that nobody answered and that had
	// no second party: such are written only with unanswered=yes.
	Alone bool
	// Contexts are those that the records name, in order.
	Contexts []string

	// Queue is when the newest line of the queues' log was written, zero where there
	// is none; QueueTrouble is why it cannot be read.
	Queue        time.Time
	QueueTrouble error
}

// inspector is a source that shows itself.
type inspector interface {
	inspect(ctx context.Context) (Inspection, error)
}

// Inspect looks at the newest of the call records that the configuration names.
// An error says why they cannot be read; that there are none yet is none.
func Inspect(ctx context.Context, c Config) (Inspection, error) {
	s, err := Open(c)
	if err != nil {
		return Inspection{}, err
	}
	defer s.Close()
	records := s
	if q, ok := s.(queued); ok {
		records = q.Source
	}
	shown, ok := records.(inspector)
	if !ok {
		return Inspection{}, fmt.Errorf("cdr: %s does not show itself", s.Name())
	}
	in, err := shown.inspect(ctx)
	if err != nil {
		return Inspection{}, err
	}
	if c.QueueLog != "" {
		in.Queue, in.QueueTrouble = queueLog{c.QueueLog}.newest(ctx)
	}
	return in, nil
}

package cdr

import (
	"context"
	"time"
)

// Record is one row of Asterisk's call detail records: what one channel did with
// one other. A call is many of them. Times are the PBX's clock.
type Record struct {
	// UniqueID is the channel that called; LinkedID the first channel of the call,
	// "" where the PBX does not write it.
	UniqueID, LinkedID string
	// Began is the epoch in UniqueID: it is free of time zones and DST. Zero where
	// the id holds none (a channel that a program named, such as ours).
	Began time.Time
	// Start, Answer and End are the columns of the same names, brought to UTC by
	// what the records tell of the PBX's zone; Answer is zero where the column is
	// empty. They have whole seconds, or what the PBX writes of them.
	Start, Answer, End time.Time
	Duration, Billed   time.Duration
	CallerID, Source   string // clid (`"name" <number>`) and src: hostile text
	Dialed             string // dst
	DID                string // did, which FreePBX adds: the number that was dialed first
	Context            string // dcontext
	Channel, Peer      string // channel and dstchannel
	App, AppData       string // lastapp and lastdata
	Disposition        Disposition
	Account, UserField string
	Sequence           int64 // -1 where the PBX does not write it
}

// Disposition is what Asterisk says became of a Record.
type Disposition string

// See ast_cdr_disp2str in Asterisk's main/cdr.c.
const (
	NoAnswer   Disposition = "NO ANSWER"
	Failed     Disposition = "FAILED"
	Busy       Disposition = "BUSY"
	Answered   Disposition = "ANSWERED"
	Congestion Disposition = "CONGESTION"
)

// Event is one row of Asterisk's channel event log (CEL), which tells of a call
// step by step.
type Event struct {
	Type                     string // CHAN_START, ANSWER, BRIDGE_ENTER, HANGUP, LINKEDID_END, …
	At                       time.Time
	UniqueID, LinkedID       string
	Channel, Peer            string
	CallerName, CallerNumber string // cid_name and cid_num: hostile text
	DNID                     string // cid_dnid
	Exten, Context           string
	App, AppData, Extra      string // Extra is eventextra: JSON
}

// QueueEvent is one line of app_queue's own log.
type QueueEvent struct {
	At    time.Time
	Call  string // unique id of the caller's channel
	Queue string
	Agent string
	Event string // ENTERQUEUE, CONNECT, ABANDON, EXITWITHTIMEOUT, …
	Data  []string
}

// Log is what a Source has read: records in the order of the epochs in their ids
// and, within one, of their sequence; events and lines of queues by their times.
type Log struct {
	Records []Record
	Events  []Event
	Queue   []QueueEvent
	// Coarser is why Queue, Events or a file that the records were rotated to could
	// not be read, where the newest records could: reasons are coarser then, and only
	// calls of such a file are lost.
	Coarser error
	// Unreadable counts the lines and rows that were skipped.
	Unreadable int
}

// Source is where a PBX's call records lie. Several goroutines may read it at the
// same time.
type Source interface {
	// Read gives all that is written of calls that began at or after since and before
	// until, a zero until being no bound, and of those whose first channels are named,
	// whenever they began. Of the lines of queues it may give more. Under a bound a
	// call that lasts longer than half a day may lack what was written at its end.
	// What the PBX has not written yet is not in it: CDRs come after the end of a
	// call, and in batch mode later.
	Read(ctx context.Context, since, until time.Time, calls []string) (Log, error)
	// Name says what it reads, for people: "csv /var/log/asterisk/cdr-csv/Master.csv".
	// There is no secret in it.
	Name() string
	Close() error
}

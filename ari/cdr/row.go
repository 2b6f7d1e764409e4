package cdr

import (
	"context"
	"strings"
)

// recordColumns are those that a table of CDR is asked for.
var recordColumns = []string{
	"calldate", "start", "answer", "end", "clid", "src", "dst", "did", "dcontext", "channel", "dstchannel", "lastapp", "lastdata",
	"duration", "billsec", "disposition", "accountcode", "userfield", "uniqueid", "linkedid", "sequence",
}

func describeRecords(ctx context.Context, ask asker, d *dialect, name string) (*table, error) {
	t, err := describe(ctx, ask, d, name, recordColumns)
	if err != nil {
		return nil, err
	}
	for _, err := range []error{
		t.need("which tells calls apart", "uniqueid"),
		t.need("which tells who called", "channel"),
		t.need("which tells when", "calldate", "start"),
	} {
		if err != nil {
			return nil, err
		}
	}
	return t, nil
}

// recordClock learns from the newest rows how the table's times are written.
func (t *table) recordClock(ctx context.Context, ask asker) (clock, error) {
	c := clock{column: t.first("calldate", "start")}
	var sample []Record
	err := t.ask().by(c.column, falling).atMost(sampled).each(ctx, ask, func(r row) {
		_, c.counted = r.number(c.column)
		if record, ok := r.record(); ok {
			record.Start = r.time(c.column)
			sample = append(sample, record)
		}
	})
	c.asWritten(sample)
	c.ahead, c.known = settle(sample, 0)
	return c, err
}

// record makes a Record of a row, with the times as they are written; not ok
// where it is not known which call it tells of, or when that was.
func (r row) record() (Record, bool) {
	id := r.text("uniqueid")
	record := Record{
		UniqueID: id, LinkedID: r.text("linkedid"), Began: began(id),
		Start: r.time("start"), Answer: r.time("answer"), End: r.time("end"),
		Duration: r.seconds("duration"), Billed: r.seconds("billsec"),
		CallerID: r.text("clid"), Source: r.text("src"), Dialed: r.text("dst"), DID: r.word("did"),
		Context: r.word("dcontext"), Channel: r.text("channel"), Peer: r.text("dstchannel"),
		App: r.word("lastapp"), AppData: r.text("lastdata"), Disposition: r.disposition(),
		Account: r.word("accountcode"), UserField: r.text("userfield"), Sequence: -1,
	}
	if n, ok := r.number("sequence"); ok && n >= 0 {
		record.Sequence = int64(n)
	}
	if record.Start.IsZero() {
		record.Start = r.time("calldate")
	}
	record.complete(r.table)
	return record, id != "" && record.Channel != "" && !(record.Start.IsZero() && record.Began.IsZero())
}

// flags are the dispositions where the column is a number: enum
// ast_cdr_disposition in Asterisk's include/asterisk/cdr.h.
var flags = map[string]Disposition{"0": NoAnswer, "1": NoAnswer, "2": Failed, "4": Busy, "8": Answered, "16": Congestion}

func (r row) disposition() Disposition {
	word := strings.ToUpper(strings.TrimSpace(r.word("disposition")))
	if d, isFlag := flags[word]; isFlag {
		return d
	}
	return Disposition(word)
}

// complete works out what has no column in a table, from what has. FreePBX keeps
// neither answer nor end.
func (r *Record) complete(t *table) {
	if r.End.IsZero() && !r.Start.IsZero() {
		r.End = r.Start.Add(r.Duration)
	}
	if t.first("duration") == "" && !r.Start.IsZero() {
		r.Duration = max(0, r.End.Sub(r.Start))
	}
	if r.Disposition == Answered && r.Answer.IsZero() && t.first("billsec") != "" && !r.End.IsZero() {
		r.Answer = r.End.Add(-r.Billed)
	}
	if t.first("billsec") == "" && !r.Answer.IsZero() {
		r.Billed = max(0, r.End.Sub(r.Answer))
	}
}

package robotcall

import (
	"context"
	"strings"
	"time"

	"ringback/ari/cdr"
	"ringback/leads/dials"
)

// Records are the call records of a PBX: what became of a channel whose end
// nobody heard is known from there, or not at all.
type Records struct {
	Source cdr.Source
	// Wait is how long the PBX may take to write of channels that have ended.
	Wait time.Duration
}

const (
	// recordsSoon is when the records are looked at for the second time; from then
	// on it takes twice as long each time, up to recordsRarely.
	recordsSoon   = time.Second
	recordsRarely = 30 * time.Second
	// recordsMargin is how much earlier than they were booked calls may begin by
	// the clock of the PBX.
	recordsMargin = 10 * time.Minute
)

// became tells what became of channels that have ended before anybody answered:
// Answered, Busy or NoAnswer. It waits until the PBX must have written of
// them; those of which nothing is written then are left out. An error comes with what
// was read before.
func (r *Records) became(ctx context.Context, rows []dials.Dial) (told map[string]dials.Outcome, err error) {
	since, last := rows[0].Booked, rows[0].Booked
	var channels []string
	for _, row := range rows {
		channels = append(channels, row.Channel, row.Channel+otherHalf)
		if row.Booked.Before(since) {
			since = row.Booked
		}
		if row.Booked.After(last) {
			last = row.Booked
		}
	}
	// They have ended by now, and long ago where none can have lasted until now.
	until := time.Now()
	if over := last.Add(longestScript); over.Before(until) {
		until = over
	}
	until = until.Add(r.Wait)
	told = map[string]dials.Outcome{}
	for pause := recordsSoon; ; pause = min(2*pause, recordsRarely) {
		var log cdr.Log
		if log, err = r.Source.Read(ctx, since.Add(-recordsMargin), time.Time{}, channels); err == nil {
			for _, row := range rows {
				if o, known := outcomeOf(log.Records, row.Channel); known {
					told[row.Channel] = o
				}
			}
		}
		left := time.Until(until)
		if len(told) == len(rows) || left <= 0 || sleep(ctx, min(pause, left)) != nil {
			return told, err
		}
	}
}

// outcomeOf is what the records tell of a channel and of the half of its pair
// that runs the dialplan. One of them that says answered is believed: who was
// reached is not called again. Otherwise it is the leg that the dialplan dialed
// that tells: of the channel itself Asterisk 16 says FAILED when it was not
// answered.
func outcomeOf(records []cdr.Record, channel string) (o dials.Outcome, known bool) {
	dialed := false
	for i := range records {
		r := &records[i]
		if strings.TrimSuffix(r.UniqueID, otherHalf) != channel {
			continue
		}
		if r.Disposition == cdr.Answered {
			return dials.Answered, true
		}
		if leg := r.UniqueID != channel && r.Peer != ""; !known || leg && !dialed {
			o, known, dialed = byDisposition[r.Disposition], true, leg
		}
	}
	if known && o == "" {
		o = dials.NoAnswer
	}
	return o, known
}

// byDisposition are the dispositions that say more than that nobody answered:
// also a number that does not exist is NO ANSWER, and of CONGESTION no record
// tells whether a phone had rung before.
var byDisposition = map[cdr.Disposition]dials.Outcome{cdr.Busy: dials.Busy}

// byRecords is the detail of an outcome that nobody heard.
const byRecords = "by the call records of the PBX"

// became asks the call records for rows whose channels have ended unheard.
// Without records nothing is known.
func (d *Dialer) became(ctx context.Context, x *Exchange, rows []dials.Dial) map[string]dials.Outcome {
	if x.Records == nil || len(rows) == 0 {
		return nil
	}
	told, err := x.Records.became(ctx, rows)
	if err != nil && ctx.Err() == nil {
		d.log.Warn("the call records do not tell what became of calls", "pbx", x.Name, "records", x.Records.Source.Name(), "calls", len(rows)-len(told), "err", err)
	}
	return told
}

// unheard reports a call whose end nobody heard. One that was answered by the
// records is not known all the same: whoever picked up heard nothing of us, or
// not all of it. Where the daemon stops before they tell, its next life asks.
func (d *Dialer) unheard(ctx context.Context, x *Exchange, p Pass, why error) Report {
	outcome, known := d.became(ctx, x, []dials.Dial{p.dial})[p.dial.Channel]
	switch {
	case known && outcome == dials.Answered:
		return Report{Pass: p, Outcome: dials.Unknown, Detail: why.Error() + "; it was answered, " + byRecords}
	case known:
		return Report{Pass: p, Outcome: outcome, Detail: byRecords}
	case x.Records != nil && stopped(ctx) && context.Cause(ctx) != errElsewhere:
		return Report{Pass: p, Detail: why.Error(), Open: true}
	}
	return Report{Pass: p, Outcome: dials.Unknown, Detail: why.Error()}
}

package robotcall

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ringback/ari/cdr"
	"ringback/leads/dials"
)

// written is a PBX's call records in memory.
type written struct {
	mu      sync.Mutex
	records []cdr.Record
	trouble error
	reads   int
}

func (w *written) add(records ...cdr.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.records = append(w.records, records...)
}

func (w *written) Read(context.Context, time.Time, time.Time, []string) (cdr.Log, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reads++
	return cdr.Log{Records: slices.Clone(w.records)}, w.trouble
}

func (w *written) Name() string { return "memory" }
func (w *written) Close() error { return nil }

// row is a record as Asterisk writes it of a channel that was placed.
func row(channel, peer string, d cdr.Disposition) cdr.Record {
	return cdr.Record{UniqueID: channel, Peer: peer, Disposition: d}
}

// TestOutcomeOf reads rows as Asterisk 22 and 16 wrote them of such calls.
func TestOutcomeOf(t *testing.T) {
	const trunk = "PJSIP/trunk-00000000"
	for _, c := range []struct {
		name string
		rows []cdr.Record
		want dials.Outcome
	}{
		{"nothing", nil, ""},
		{"of others", []cdr.Record{row("b", trunk, cdr.Answered), row("a2", trunk, cdr.Answered)}, ""},
		{"not answered", []cdr.Record{row("a", "", cdr.NoAnswer), row("a;2", trunk, cdr.NoAnswer)}, dials.NoAnswer},
		{"not answered, by 16", []cdr.Record{row("a", "", cdr.Failed), row("a;2", trunk, cdr.NoAnswer)}, dials.NoAnswer},
		{"busy", []cdr.Record{row("a;2", trunk, cdr.Busy), row("a;2", "", cdr.Busy), row("a", "", cdr.Busy)}, dials.Busy},
		{"no room, or it rang before", []cdr.Record{row("a", "", cdr.Congestion), row("a;2", trunk, cdr.Congestion)}, dials.NoAnswer},
		{"busy, which its own channel does not tell", []cdr.Record{row("a", "", cdr.Failed), row("a;2", trunk, cdr.Busy)}, dials.Busy},
		{"without unanswered=yes", []cdr.Record{row("a;2", trunk, cdr.Busy)}, dials.Busy},
		{"answered", []cdr.Record{row("a", "", cdr.Answered), row("a;2", trunk, cdr.Answered)}, dials.Answered},
		{"answered by the second", []cdr.Record{row("a;2", trunk, cdr.Busy), row("a;2", trunk, cdr.Answered)}, dials.Answered},
		{"a phone", []cdr.Record{row("a", "", cdr.Busy)}, dials.Busy},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, known := outcomeOf(c.rows, "a"); got != c.want || known != (c.want != "") {
				t.Errorf("%q, %v", got, known)
			}
		})
	}
}

// newRecordsRoom is a Dialer whose PBX has call records.
func newRecordsRoom(t *testing.T) (*exchangeRoom, *written) {
	r, w := newRoom(t), &written{}
	r.dialer.exchanges["main"].Records = &Records{Source: w, Wait: 10 * time.Second}
	return r, w
}

// TestWhatNobodyHeardIsInTheRecords goes on with a call that ended while the
// daemon was away.
func TestWhatNobodyHeardIsInTheRecords(t *testing.T) {
	for _, c := range []struct {
		name    string
		d       cdr.Disposition
		trouble error
		want    dials.Outcome
		detail  string
	}{
		{"busy", cdr.Busy, nil, dials.Busy, byRecords},
		{"not answered", cdr.NoAnswer, nil, dials.NoAnswer, byRecords},
		{"answered", cdr.Answered, nil, dials.Unknown, errAway.Error() + "; it was answered, " + byRecords},
		{"not written", "", nil, dials.Unknown, errAway.Error()},
		{"not readable", cdr.Busy, errors.New("the database is away"), dials.Unknown, errAway.Error()},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, w := newRecordsRoom(t)
				p := r.pass("PJSIP/101")
				w.trouble = c.trouble
				r.watch()
				began := time.Now()
				if c.d != "" { // the PBX takes its time to write
					time.AfterFunc(5*time.Second, func() { w.add(row(p[0].dial.Channel, "", c.d)) })
				}
				voice, reports := r.dialer.Resume(t.Context(), r.rows(), order)
				if voice != nil || reports[0].Open {
					t.Errorf("%v, %+v", voice, reports)
				}
				if row := r.rows()[0]; row.Outcome != c.want || row.Detail != c.detail || row.Ended.IsZero() {
					t.Errorf("the row is %+v", row)
				}
				if waited, told := time.Since(began) > 10*time.Second, c.d != "" && c.trouble == nil; waited == told {
					t.Errorf("it took %v", time.Since(began))
				}
			})
		})
	}
}

// TestRecordsOfACallThatVanished: a call that was followed, and was gone when the
// PBX was back, is in the records too.
func TestRecordsOfACallThatVanished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := newRecordsRoom(t)
		p := r.pass("PJSIP/101")
		r.watch()
		done := make(chan []Report)
		go func() { _, reports := r.dialer.Ring(t.Context(), p, order); done <- reports }()
		synctest.Wait()
		w.add(row(p[0].dial.Channel, "", cdr.Busy))
		r.pbx.mu.Lock()
		delete(r.pbx.live, p[0].dial.Channel)
		r.pbx.mu.Unlock()
		r.watch()
		if reports := <-done; reports[0].Outcome != dials.Busy || reports[0].Detail != byRecords {
			t.Errorf("%+v", reports)
		}
	})
}

// TestStoppedBeforeTheRecordsTell leaves the row to the next life.
func TestStoppedBeforeTheRecordsTell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := newRecordsRoom(t)
		r.pass("PJSIP/101")
		r.watch()
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Second, stop)
		if voice, reports := r.dialer.Resume(ctx, r.rows(), order); voice != nil || !reports[0].Open {
			t.Errorf("%v, %+v", voice, reports)
		}
		if row := r.rows()[0]; !row.Ended.IsZero() || w.reads < 3 {
			t.Errorf("the row is %+v after %d reads", row, w.reads)
		}
	})
}

// TestSweepAsksTheRecords: of rows that no job will look for, too.
func TestSweepAsksTheRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := newRecordsRoom(t)
		p := r.pass("PJSIP/101", "PJSIP/102", "PJSIP/103", "PJSIP/104")
		r.answered(p[3])
		w.add(row(p[0].dial.Channel, "", cdr.Busy), row(p[1].dial.Channel, "", cdr.Answered))
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); _ = r.dialer.Run(ctx) }()
		r.watch()
		time.Sleep(11 * time.Second)
		want := map[string]dials.Outcome{"PJSIP/101": dials.Busy, "PJSIP/102": dials.Answered, "PJSIP/103": dials.Unknown, "PJSIP/104": dials.Answered}
		for _, row := range r.rows() {
			if row.Outcome != want[row.Device] || strings.Contains(row.Detail, byRecords) != (row.Device < "PJSIP/103") {
				t.Errorf("%s: %q (%s), want %q", row.Device, row.Outcome, row.Detail, want[row.Device])
			}
		}
		stop()
		<-ended
	})
}

// TestRecordsAreReadRarely waits an hour for a record that never comes, and not at all
// for one of a call so old that it must have been written.
func TestRecordsAreReadRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for age, reads := range map[time.Duration][2]int{0: {120, 130}, longestScript: {120, 130}, longestScript + 59*time.Minute + 30*time.Second: {6, 6}, 3 * time.Hour: {1, 1}} {
			w := &written{}
			began := time.Now()
			told, err := (&Records{Source: w, Wait: time.Hour}).became(t.Context(), []dials.Dial{{Channel: "a", Booked: began.Add(-age)}})
			if waited, want := time.Since(began), max(0, time.Hour-max(0, age-longestScript)); len(told) > 0 || err != nil || waited != want || w.reads < reads[0] || w.reads > reads[1] {
				t.Errorf("booked %v ago: %d reads in %v, and it may be written for %v: %v, %v", age, w.reads, waited, want, told, err)
			}
		}
	})
}

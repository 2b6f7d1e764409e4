package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ringback/ari/call"
	"ringback/ari/cdr"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/number"
	"ringback/routing"
)

// ward is a recovery with a real Master.csv and a real database, and no PBX: the
// test says when it was watched. It lives in a synctest bubble.
type ward struct {
	*testing.T
	dir     string
	source  bool // there are call records
	db      *db.DB
	book    *leads.Book
	r       *recovery
	stop    func()
	records int
}

const wardWait = 10 * time.Second

func newWard(t *testing.T) *ward {
	w := &ward{T: t, dir: t.TempDir(), source: true}
	w.start()
	t.Cleanup(func() { w.stop() })
	return w
}

// start starts the daemon's part, for the first time or again.
func (w *ward) start() {
	w.Helper()
	var err error
	if w.db, err = db.Open(w.Context(), db.Config{Path: filepath.Join(w.dir, "ringback.db")}); err != nil {
		w.Fatal(err)
	}
	office := &leads.Office{Plans: map[string]*number.Plan{"main": {Country: "RU"}}, Directory: &routing.Directory{
		Pools: []routing.Pool{{Name: routing.DefaultPool, Supervisor: "chief", Missed: routing.DefaultThresholds()}},
	}}
	w.book = leads.NewBook(leads.BookConfig{DB: w.db, Office: office})
	of := watched{opts: call.Options{PBX: "main", Inbound: []string{"from-trunk"}, OwnPrefix: "ringback-"}}
	if w.source {
		if of.records, err = cdr.Open(cdr.Config{CSV: w.csv()}); err != nil {
			w.Fatal(err)
		}
	}
	w.r = newRecovery(&of, wardWait, w.book, newRecoveryMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler),
		func(string) bool { return true })
	ctx, cancel := context.WithCancel(w.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := w.r.run(ctx); err != nil {
			w.Error(err)
		}
	})
	w.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		if err := w.db.Close(); err != nil {
			w.Error(err)
		}
	})
	synctest.Wait()
}

func (w *ward) csv() string { return filepath.Join(w.dir, "Master.csv") }

// mark notes that the PBX is watched now.
func (w *ward) mark() {
	w.Helper()
	if err := w.book.Watched(w.Context(), leads.Sighting{PBX: "main", Until: time.Now()}); err != nil {
		w.Fatal(err)
	}
}

// watchedAgain begins a session after a gap.
func (w *ward) watchedAgain(since time.Time, following ...string) {
	w.r.connected(&leads.Gap{PBX: "main", Since: since, Until: time.Now(), Cause: leads.Stopped}, following, 0)
}

// write has the PBX write the record of a call that began at a time and ended
// later: answered after 2 s, or not at all.
func (w *ward) write(began time.Time, long time.Duration, talked bool) (id string) {
	w.Helper()
	w.records++
	id = fmt.Sprintf("%d.%d", began.Unix(), w.records)
	answer, disposition := "", "NO ANSWER"
	if talked {
		answer, disposition = began.Add(2*time.Second).UTC().Format(`"2006-01-02 15:04:05"`), "ANSWERED"
	}
	row := fmt.Sprintf(`"","7916%07d","74951000001","from-trunk","""x"" <1>","PJSIP/trunk-%08x","PJSIP/101-%08x","Dial","PJSIP/101,30","%s",%s,"%s",%d,%d,"%s","DOCUMENTATION","%s","","","%s",%d`+"\n",
		w.records, w.records, w.records, began.UTC().Format(time.DateTime), answer, began.Add(long).UTC().Format(time.DateTime),
		int(long.Seconds()), int(long.Seconds()), disposition, id, id, w.records)
	f, err := os.OpenFile(w.csv(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		w.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(row); err != nil {
		w.Fatal(err)
	}
	return id
}

// seen is a call as the tracker knows it while it rings.
func (w *ward) seen(id string, began time.Time) call.Call {
	return call.Call{PBX: "main", ID: id, Direction: call.Inbound, Caller: "79169999999", Dialed: "74951000001", Started: began,
		From: call.Party{Endpoint: "PJSIP/trunk", Outside: true}}
}

// lost tells that the call's end was not seen.
func (w *ward) lost(c call.Call) {
	w.Helper()
	if kept := w.r.told([]call.Fact{{Kind: call.Lost, Call: c.Lose(c.Started, time.Now())}}); w.source == (len(kept) > 0) {
		w.Errorf("with records %v the loss is told at once: %v", w.source, kept)
	}
}

// want compares what the calls and the gaps have become, a line each.
func (w *ward) want(calls, gaps []string) {
	w.Helper()
	got := w.read("SELECT call || ' ' || verdict || ' ' || reason || ' ' || source FROM calls WHERE ended IS NOT NULL ORDER BY started, call")
	if !slices.Equal(got, calls) {
		w.Errorf("the calls are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(calls, "\n"))
	}
	got = w.read("SELECT recovered || ' ' || missed || ' ' || unconfirmed || (CASE WHEN finished > 0 THEN ' read' ELSE ' open' END) || (CASE WHEN error <> '' THEN ' error' ELSE '' END) FROM blind ORDER BY id")
	if !slices.Equal(got, gaps) {
		w.Errorf("the gaps are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(gaps, "\n"))
	}
}

func (w *ward) read(query string) (list []string) {
	w.Helper()
	rows, err := w.db.Reader().QueryContext(w.Context(), query)
	if err != nil {
		w.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			w.Fatal(err)
		}
		list = append(list, line)
	}
	return list
}

// after lets time pass.
func (w *ward) after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// story is a ward in a bubble.
func wardStory(t *testing.T, play func(w *ward)) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(24 * time.Hour) // no id of a call lies before the bubble's beginning
		play(newWard(t))
	})
}

// What was missed while nobody watched is missed, and what was answered is not;
// each once, however often the PBX is watched again.
func TestRecoverWhatNobodySaw(t *testing.T) {
	wardStory(t, func(w *ward) {
		w.mark()
		since := time.Now()
		w.after(5 * time.Minute)
		rang := w.write(since.Add(time.Minute), 20*time.Second, false)
		talked := w.write(since.Add(2*time.Minute), time.Minute, true)
		for range 2 {
			w.watchedAgain(since)
			w.after(time.Minute)
		}
		w.stop()
		w.start()
		w.watchedAgain(since)
		w.after(time.Minute)
		w.want([]string{rang + " missed abandoned_ringing cdr", talked + " answered person cdr"}, []string{"2 1 0 read", "0 0 0 read", "0 0 0 read"})
	})
}

// The first start ever finds years of records, and opens nothing.
func TestRecoverNothingBeforeTheFirstStart(t *testing.T) {
	wardStory(t, func(w *ward) {
		w.write(time.Now().Add(-time.Hour), 20*time.Second, false)
		w.write(time.Now().Add(-10*time.Second), 5*time.Second, false)
		w.after(time.Second)
		w.r.connected(nil, nil, 0)
		w.mark()
		w.after(time.Second)
		since := time.Now()
		w.after(10 * time.Second)
		rang := w.write(since.Add(time.Second), 5*time.Second, false)
		w.watchedAgain(since)
		w.after(time.Minute)
		w.want([]string{rang + " missed abandoned_ringing cdr"}, []string{"1 1 0 read"})
	})
}

// The records cut the time off at the second: who rang in the one of the first
// start, and after it, is no caller of years before.
func TestRecoverTheSecondOfTheFirstStart(t *testing.T) {
	wardStory(t, func(w *ward) {
		w.after(time.Second/2 - time.Since(time.Now().Truncate(time.Second)) + time.Second)
		w.r.connected(nil, nil, 0)
		w.mark()
		w.stop()
		since := time.Now()
		rang := w.write(since, 5*time.Second, false)
		w.after(10 * time.Second)
		w.start()
		w.watchedAgain(since)
		w.after(time.Minute)
		w.want([]string{rang + " missed abandoned_ringing cdr"}, []string{"1 1 0 read"})
	})
}

// Of a call whose beginning was seen the records tell the end; when they do not, it
// is unconfirmed, and not forgotten.
func TestRecoverTheEndOfWhatWasSeen(t *testing.T) {
	wardStory(t, func(w *ward) {
		w.mark()
		since := time.Now()
		w.after(time.Minute)
		talked := w.write(since.Add(-time.Second), 40*time.Second, true)
		for _, id := range []string{talked, "1.gone"} {
			c := w.seen(id, since.Add(-time.Second))
			if errs := w.book.Record(w.Context(), []call.Fact{{Kind: call.Started, Call: c}}); errs[0] != nil {
				w.Fatal(errs[0])
			}
			w.lost(c)
		}
		w.watchedAgain(since)
		w.after(wardWait / 2)
		w.want([]string{talked + " answered person cdr"}, []string{"1 0 0 open"})
		w.after(wardWait)
		w.want([]string{"1.gone missed unconfirmed ari", talked + " answered person cdr"}, []string{"1 0 1 read"})
	})
}

// A call of which the first record is written and the next is not is no miss yet.
func TestRecoverWaitsForAllOfACall(t *testing.T) {
	wardStory(t, func(w *ward) {
		w.mark()
		since := time.Now()
		w.after(time.Minute)
		id := w.write(since.Add(10*time.Second), 5*time.Second, false)
		w.watchedAgain(since)
		w.after(wardWait - time.Second)
		w.want(nil, []string{"0 0 0 open"})
		w.records--
		w.write(since.Add(10*time.Second), 40*time.Second, true)
		w.after(wardWait)
		w.want([]string{id + " answered person cdr"}, []string{"1 0 0 read"})
	})
}

// A PBX that writes in batches, of which nobody has told us, is looked at again.
func TestRecoverLooksAgain(t *testing.T) {
	wardStory(t, func(w *ward) {
		w.mark()
		since := time.Now()
		w.after(time.Minute)
		w.watchedAgain(since)
		w.after(2 * wardWait)
		w.want(nil, []string{"0 0 0 read"})
		rang := w.write(since.Add(10*time.Second), 5*time.Second, false)
		w.after(4 * time.Minute)
		w.want(nil, []string{"0 0 0 read"})
		w.after(3 * time.Minute)
		w.want([]string{rang + " missed abandoned_ringing cdr"}, []string{"1 1 0 read"})
	})
}

// The daemon is stopped before it has looked again, for a moment or for longer than
// it waits: it looks again all the same.
func TestRecoverLooksAgainAfterAStop(t *testing.T) {
	for _, away := range []time.Duration{time.Second, 10 * time.Minute} {
		wardStory(t, func(w *ward) {
			w.mark()
			since := time.Now()
			w.after(time.Minute)
			w.watchedAgain(since)
			w.after(2 * wardWait)
			w.want(nil, []string{"0 0 0 read"})
			w.mark()
			w.stop()
			rang := w.write(since.Add(10*time.Second), 5*time.Second, false)
			w.after(away)
			w.start()
			w.after(7 * time.Minute)
			w.want([]string{rang + " missed abandoned_ringing cdr"}, []string{"1 1 0 read"})
		})
	}
}

// What the tracker has followed to its end is forgotten here when it is on the disk,
// however long the records cannot be read.
func TestRecoverForgetsWhatIsKnown(t *testing.T) {
	wardStory(t, func(w *ward) {
		if err := os.Mkdir(w.csv(), 0o700); err != nil {
			w.Fatal(err)
		}
		w.mark()
		w.watchedAgain(time.Now().Add(-time.Minute))
		for n := range 1000 {
			c := w.seen(fmt.Sprintf("1.%d", n), time.Now())
			c.Ended = time.Now()
			w.r.told([]call.Fact{{Kind: call.Ended, Call: c}})
		}
		w.after(5 * time.Minute)
		w.r.mu.Lock()
		defer w.r.mu.Unlock()
		if len(w.r.followed) > 0 {
			w.Errorf("%d calls are remembered", len(w.r.followed))
		}
	})
}

// Without records nothing waits.
func TestRecoverWithoutRecords(t *testing.T) {
	wardStory(t, func(w *ward) {
		w.stop()
		w.source = false
		w.start()
		w.mark()
		w.lost(w.seen("1.gone", time.Now()))
		w.watchedAgain(time.Now().Add(-time.Minute))
		w.after(time.Second)
		w.want(nil, []string{"0 0 0 read"})
	})
}

// Calls that the tracker follows are the tracker's; records that come late are
// waited for, and a record that grows is not believed before it stands still.
func TestRecoverLeavesWhatIsFollowed(t *testing.T) {
	wardStory(t, func(w *ward) {
		w.mark()
		since := time.Now()
		w.after(time.Minute)
		followed := w.write(since.Add(time.Second), time.Minute, false)
		w.watchedAgain(since, followed)
		w.after(wardWait / 2)
		begun := w.write(time.Now(), time.Second, false) // it began in the session
		w.r.told([]call.Fact{{Kind: call.Started, Call: w.seen(begun, time.Now())}})
		late := w.write(since.Add(10*time.Second), time.Second, false)
		w.after(time.Minute)
		w.want([]string{late + " missed abandoned_ringing cdr"}, []string{"1 1 0 read"})
	})
}

// Records that cannot be read are said to be so, hold up nobody whose call was seen
// for longer than a minute, and are read in full when they can be.
func TestRecoverWhenRecordsCannotBeRead(t *testing.T) {
	wardStory(t, func(w *ward) {
		w.mark()
		since := time.Now()
		w.after(time.Minute)
		rang := w.write(since.Add(time.Second), 20*time.Second, false)
		aside := w.csv() + ".aside"
		if err := os.Rename(w.csv(), aside); err != nil {
			w.Fatal(err)
		}
		if err := os.Mkdir(w.csv(), 0o700); err != nil {
			w.Fatal(err)
		}
		w.lost(w.seen("1.gone", since))
		w.watchedAgain(since)
		w.after(50 * time.Second)
		w.want(nil, []string{"0 0 0 open error"})
		w.after(20 * time.Second)
		w.want([]string{"1.gone missed unconfirmed ari"}, []string{"0 0 1 open error"})
		w.stop()
		w.start() // the gap is a row: the next process reads on
		w.after(time.Minute)
		if err := os.Remove(w.csv()); err != nil {
			w.Fatal(err)
		}
		if err := os.Rename(aside, w.csv()); err != nil {
			w.Fatal(err)
		}
		w.after(time.Minute)
		w.want([]string{"1.gone missed unconfirmed ari", rang + " missed abandoned_ringing cdr"}, []string{"1 1 1 read"})
	})
}

// The PBX's clock was set by an hour while nobody watched, and the call came before
// or after that: its id tells it in one clock or the other.
func TestRecoverAcrossASetClock(t *testing.T) {
	for name, set := range map[string]struct{ ahead, id time.Duration }{
		"back, and the call after":    {-time.Hour, -58 * time.Minute},
		"back, and the call before":   {-time.Hour, 2 * time.Minute},
		"forward, and the call after": {time.Hour, 62 * time.Minute},
		"forward, the call before":    {time.Hour, 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			wardStory(t, func(w *ward) {
				w.after(3 * time.Hour)
				w.mark()
				w.after(3 * time.Hour)
				w.mark()
				w.stop()
				w.start()
				since := time.Now()
				w.after(5 * time.Minute)
				rang := w.write(since.Add(set.id), 20*time.Second, false)
				w.r.connected(&leads.Gap{PBX: "main", Since: since, Until: time.Now(), Ahead: set.ahead, Cause: leads.Unwatched}, nil, -set.ahead)
				w.after(time.Minute)
				w.want([]string{rang + " missed abandoned_ringing cdr"}, []string{"1 1 0 read"})
			})
		})
	}
}

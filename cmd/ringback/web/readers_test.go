package web

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"ringback/ari/call"
	"ringback/leads/history"
	"ringback/leads/search"
)

var (
	seconds = flag.Int("seconds", 20, "how long people read in BenchmarkReaders")
	readers = flag.Int("readers", 20, "how many they are")
	asking  = flag.Int("asking", 100, "how many requests they make in a second, together")
	ringing = flag.Int("ringing", 50, "how many calls come in a second meanwhile")
)

// BenchmarkReaders has people read all pages and lists, each in turn, while calls
// come in through the Book that records them. How long an answer took is counted
// from when it was to be asked for: who had to wait for the answer before waits in
// the figures too.
//
//	go test ./cmd/ringback/web -run '^$' -bench Readers -benchtime 1x -calls 1000000 -seconds 60 -timeout 20m
func BenchmarkReaders(b *testing.B) {
	l, addresses := newReadingRoom(b)
	names := slices.Sorted(maps.Keys(addresses))
	for _, name := range names { // what is counted and cached at the first look
		start := time.Now()
		if code, body := l.get(addresses[name]); code != http.StatusOK {
			b.Fatalf("%s: %d %.300s", addresses[name], code, body)
		}
		if took := time.Since(start); took > 50*time.Millisecond {
			b.Logf("the first %s took %s", name, took.Round(time.Millisecond))
		}
	}
	for b.Loop() {
		stop := l.ring(b, *ringing)
		before := processor(b)
		took := l.read(b, names, addresses)
		spent := processor(b) - before
		calls := stop()
		var all []time.Duration
		for _, name := range names {
			slices.Sort(took[name])
			all = append(all, took[name]...)
			b.Logf("%-22s %5d requests, p50 %6.1f ms, p99 %6.1f ms", name, len(took[name]), share(took[name], 50), share(took[name], 99))
		}
		slices.Sort(all)
		b.Logf("all: %d requests, %d calls recorded", len(all), calls)
		b.ReportMetric(share(all, 50), "p50-ms")
		b.ReportMetric(share(all, 99), "p99-ms")
		b.ReportMetric(float64(calls)/float64(*seconds), "calls/s")
		b.ReportMetric(100*spent.Seconds()/float64(*seconds), "cpu-%")
	}
}

// share is the time that so many of a hundred did not exceed, in milliseconds.
func share(sorted []time.Duration, percent int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[(len(sorted)*percent+99)/100-1].Microseconds()) / 1000
}

// read has the readers ask for as long as the benchmark lasts.
func (l *library) read(b *testing.B, names []string, addresses map[string]string) map[string][]time.Duration {
	b.Helper()
	var mu sync.Mutex
	var over sync.WaitGroup
	took := map[string][]time.Duration{}
	begin := time.Now()
	each := time.Second * time.Duration(*readers) / time.Duration(*asking)
	for reader := range *readers {
		over.Go(func() {
			for n := range *seconds * *asking / *readers {
				due := begin.Add(time.Duration(n)*each + time.Duration(reader)*each/time.Duration(*readers))
				time.Sleep(time.Until(due))
				name := names[(n**readers+reader)%len(names)]
				if code, body := l.get(addresses[name]); code != http.StatusOK {
					b.Errorf("%s: %d %.300s", addresses[name], code, body)
				}
				mu.Lock()
				took[name] = append(took[name], time.Since(due))
				mu.Unlock()
			}
		})
	}
	over.Wait()
	return took
}

// ring has calls come in as a PBX tells them, a beginning and an end, until stop,
// which tells how many those were: missed ones of strangers and of people who are
// known, answered ones, and calls out to them.
func (l *library) ring(b *testing.B, perSecond int) (stop func() int) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	var over sync.WaitGroup
	over.Go(func() { _ = l.book.Run(ctx) })
	over.Go(func() { _ = search.NewKeeper(l.db, nil).Run(ctx) })
	told := 0
	over.Go(func() {
		if perSecond == 0 {
			return
		}
		dice := rand.New(rand.NewPCG(1, 2))
		pause := time.NewTicker(time.Second / time.Duration(perSecond))
		defer pause.Stop()
		for ctx.Err() == nil {
			<-pause.C
			c := comingIn(dice, told)
			if !l.book.Tell([]call.Fact{{Kind: call.Started, At: c.Started, Call: open(c)}, {Kind: call.Ended, At: c.Ended, Call: c}}) {
				b.Error("the Book had no room")
			}
			told++
		}
	})
	return func() int {
		cancel()
		over.Wait()
		return told
	}
}

// comingIn is the nth call, which ends now.
func comingIn(dice *rand.Rand, n int) call.Call {
	now := time.Now().UTC().Truncate(time.Millisecond)
	line := history.Pools[dice.IntN(len(history.Pools))]
	phone := call.Party{Endpoint: fmt.Sprintf("PJSIP/%d", 101+dice.IntN(20))}
	known := fmt.Sprintf("+49301%06d", 1+dice.IntN(*size*3/10))
	c := call.Call{PBX: history.PBX, ID: fmt.Sprintf("%d.%d", now.Unix(), 10_000_000+n), Direction: call.Inbound, Caller: known, Dialed: fmt.Sprintf("+4930555%d", len(line)),
		Started: now.Add(-12 * time.Second), Ended: now, How: call.NoAnswer, Legs: []call.Leg{{Party: phone, Rang: true}}}
	talk := []call.Talk{{Channel: "leg", Who: phone, Start: now.Add(-8 * time.Second), End: now}}
	switch n % 5 {
	case 0, 1:
		c.Caller = fmt.Sprintf("+49891%06d", n)
	case 3:
		c.How, c.Talks = call.Person, talk
	case 4:
		c.Direction, c.Caller, c.Dialed, c.From, c.How, c.Talks = call.Outbound, phone.Endpoint, known, phone, call.Person, talk
	}
	return c
}

// open is the call while it ran.
func open(c call.Call) call.Call {
	c.Ended, c.How, c.Talks = time.Time{}, "", nil
	return c
}

package web

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ringback/ari/call"
	"ringback/leads/history"
	"ringback/leads/people"
	"ringback/leads/search"
)

var (
	seconds = flag.Int("seconds", 20, "how long people read in BenchmarkReaders")
	readers = flag.Int("readers", 20, "how many they are")
	asking  = flag.Int("asking", 100, "how many requests they make in a second, together")
	ringing = flag.Int("ringing", 50, "how many calls come in a second meanwhile")
)

// BenchmarkReaders has administrators who are logged in read all pages, and their
// programs all lists and single things, each in turn, while calls come in through
// the Book that records them. Each has connections of their own, which stay open, a
// session and a token. How long an answer took is counted from when it was to be
// asked for until it was read: who had to wait for the answer before waits in the
// figures too.
//
//	go test ./cmd/ringback/web -run '^$' -bench Readers -benchtime 1x -calls 1000000 -seconds 60 -timeout 20m
func BenchmarkReaders(b *testing.B) {
	l, addresses := newReadingRoom(b)
	l.forgetsNone(b, addresses)
	names := slices.Sorted(maps.Keys(addresses))
	present := l.letIn(b)
	for _, name := range names { // what is counted and cached at the first look
		start := time.Now()
		if err := present[0].ask(b.Context(), addresses[name]); err != nil {
			b.Fatal(err)
		}
		if took := time.Since(start); took > 50*time.Millisecond {
			b.Logf("the first %s took %s", name, took.Round(time.Millisecond))
		}
	}
	for b.Loop() {
		stop := l.ring(b, *ringing)
		before := processor(b)
		took := read(b, present, names, addresses)
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

// reader is a person before a browser, with a program of their own.
type reader struct {
	client        *http.Client
	site          string
	cookie, token string
}

// letIn opens the house, and gives all readers, who have come in.
func (l *library) letIn(b *testing.B) (list []*reader) {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- l.Serve(ln) }()
	b.Cleanup(func() {
		for _, r := range list {
			r.client.CloseIdleConnections()
		}
		if err := l.Shutdown(context.WithoutCancel(b.Context())); err != nil {
			b.Error(err)
		}
		if err := <-served; err != nil {
			b.Error(err)
		}
	})
	for n := range *readers {
		token, _, err := l.register.MakeToken(b.Context(), fmt.Sprintf("program-%d", n), people.Scopes, 0)
		if err != nil {
			b.Fatal(err)
		}
		list = append(list, &reader{&http.Client{Transport: &http.Transport{}}, "http://" + ln.Addr().String(), "ringback=" + comesIn(b, l.register, "admin"), token})
	}
	return list
}

// ask asks for a page or a list, and reads it.
func (r *reader) ask(ctx context.Context, address string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.site+address, nil)
	if err != nil {
		return err
	}
	if strings.HasPrefix(address, "/api/") {
		req.Header.Set("Authorization", "Bearer "+r.token)
	} else {
		req.Header.Set("Cookie", r.cookie)
	}
	res, err := r.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && (res.StatusCode != http.StatusOK || res.Request.URL.Path != req.URL.Path) {
		err = fmt.Errorf("%s: %s answered %d: %.300s", address, res.Request.URL, res.StatusCode, body)
	}
	return err
}

// unread are the routes that no history makes longer, or that a reader has no
// secret for.
var unread = []string{"/static/{file}", "/live", "/login", "/invite/{secret}", "/l/{link}", "/", "/api/", "/healthz", "/readyz", "/metrics",
	"/api/v1/openapi.json", "/api/v1/openapi.yaml", "/api/v1/clicks/{id}"}

// forgetsNone fails unless each route that shows something is among the addresses.
func (l *library) forgetsNone(b *testing.B, addresses map[string]string) {
	b.Helper()
	mux := http.NewServeMux()
	for _, pattern := range l.patterns() {
		mux.Handle(pattern, http.NotFoundHandler())
	}
	read := map[string]bool{}
	for _, address := range addresses {
		_, pattern := mux.Handler(httptest.NewRequest(http.MethodGet, address, nil))
		read[pattern] = true
	}
	for _, pattern := range l.patterns() {
		if !read[pattern] && !slices.Contains(unread, pattern) {
			b.Errorf("nobody reads %s", pattern)
		}
	}
}

// read has the readers ask for as long as the benchmark lasts.
func read(b *testing.B, present []*reader, names []string, addresses map[string]string) map[string][]time.Duration {
	b.Helper()
	var mu sync.Mutex
	var over sync.WaitGroup
	took := map[string][]time.Duration{}
	begin := time.Now()
	each := time.Second * time.Duration(len(present)) / time.Duration(*asking)
	for i, person := range present {
		over.Go(func() {
			for n := range *seconds * *asking / len(present) {
				due := begin.Add(time.Duration(n)*each + time.Duration(i)*each/time.Duration(len(present)))
				time.Sleep(time.Until(due))
				name := names[(n*len(present)+i)%len(names)]
				if err := person.ask(b.Context(), addresses[name]); err != nil {
					b.Error(err)
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

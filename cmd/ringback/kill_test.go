package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ringback/ari"
	"ringback/ari/pbx"
	"ringback/ari/softphone"
	"ringback/robotcall"
)

var kills = flag.Int("kills", 0, "TestKilled: how many kills at random moments, beside one at each that has a name")

// moment is where a robot call to a manager stands.
type moment string

const (
	dialing      moment = "dialing"      // the phone is asked, and has not said that it rings
	ringing      moment = "ringing"      // it rings
	announcement moment = "announcement" // it is picked up, and a voice is heard
	keyPressed   moment = "key"          // 1 was pressed
	connected    moment = "connected"    // manager and client hear each other
)

var moments = []moment{dialing, ringing, announcement, keyPressed, connected}

// TestKilled kills the daemon as a power cut does, at each moment of a robot
// call: nobody is rung twice, no conversation is cut, no channel is left.
//
//	go test ./cmd/ringback -run TestKilled -kills 50 -timeout 30m
func TestKilled(t *testing.T) {
	t.Parallel()
	b := openTestBranch(t, time.Minute)
	for _, m := range moments {
		t.Run(string(m), func(t *testing.T) { killedAt(t, b, m, 0) })
	}
	for n := range *kills {
		m, later := moments[rand.N(len(moments))], rand.N(longestMoment)
		t.Run(fmt.Sprintf("random_%d_%s_and_%v", n, m, later), func(t *testing.T) { killedAt(t, b, m, later) })
	}
}

// longestMoment is about how long the longest of the moments lasts: from the key
// until the client picks up.
const longestMoment = 3 * time.Second

// killedAt kills at a moment, or some time later.
func killedAt(t *testing.T, b *branch, m moment, later time.Duration) {
	c := newCompany(t, accountAt("main", b))
	c.missed = "{suspicious: 0s, reached_after: 3s}"
	c.ladder = "{settle: 0s, rungs: [{after: 0s, tell: call}, {after: 1h, tell: supervisor}]}"
	c.more = "robot: {ring: 10s}\n"
	p, _ := c.serve(t)
	missedAt(t, b, firstClient)
	stands := m
	if later > 0 {
		stands = ""
	}
	phones := pickUp(t, b, stands)
	phones.waitFor(t, m)
	if later > 0 {
		talk(t, later)
	} else {
		haveLimits(t, b)
	}
	p.kill()
	came := phones.last()
	close(phones.killed)
	p, door := c.serve(t)
	close(phones.back)
	phones.finish(t, b)
	t.Logf("killed after %q; the manager was rung %d times, the client %d times, they talked: %v", came, phones.manager, phones.client, phones.talked)

	if phones.manager != 1 {
		t.Errorf("the manager was rung %d times", phones.manager)
	}
	if phones.client > 1 {
		t.Errorf("the client was rung %d times", phones.client)
	}
	if phones.cut {
		t.Error("the conversation was cut")
	}
	if status, ahead, errs := command(t, "plan", "--json", "--config", filepath.Join(c.dir, "ringback.yaml")); status != 0 || ahead != "" {
		t.Errorf("more calls are promised (status %d): %s%s", status, ahead, errs)
	}
	// Who was picked up by a phone while no daemon was there is hung up, and waits
	// for the next rung.
	if later == 0 || phones.talked {
		waitFor(t, "the lead is closed", func() bool {
			owed := door.leadsOf(t, firstClient)
			return len(owed) == 1 && owed[0].Outcome == "called_back" && owed[0].ClosedBy == "anna"
		})
	}
	if status, _ := p.stop(t, syscall.SIGTERM); status != 0 {
		t.Errorf("the daemon ends with status %d", status)
	}
}

// haveLimits wants every channel that the daemon has placed to end by itself at
// some time, whatever becomes of the daemon.
func haveLimits(t *testing.T, b *branch) {
	t.Helper()
	client, err := ari.NewClient(ari.Config{Name: "main", URL: b.pbx.ARIURL, Username: b.pbx.ARIUser, Password: ari.NewSecret(b.pbx.ARIPassword)})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	live, err := client.Channels(patient(t))
	if err != nil {
		t.Fatal(err)
	}
	ours := 0
	for _, c := range live {
		if !strings.HasPrefix(c.ID, robotcall.ChannelPrefix) {
			continue
		}
		ours++
		left, err := client.Variable(patient(t), c.ID, "TIMEOUT(absolute)")
		if seconds, bad := strconv.ParseFloat(left, 64); err != nil || bad != nil || seconds <= 0 || seconds > 6*3600 {
			t.Errorf("channel %s has %q seconds to live (%v)", c.Name, left, err)
		}
	}
	if ours == 0 {
		t.Error("the daemon has placed no channel")
	}
}

// phones are those of the manager and the client, who do what people do, and note
// what they see.
type phones struct {
	at           moment                   // where they stand still until the kill, so that it happens then; empty: nowhere
	passed       map[moment]chan struct{} // closed when it has come to that
	killed, back chan struct{}            // closed when the daemon is dead, and runs again
	over         context.CancelFunc
	work         sync.WaitGroup

	mu              sync.Mutex
	manager, client int // how often each was rung
	talked, cut     bool
}

func pickUp(t *testing.T, b *branch, m moment) *phones {
	ctx, over := context.WithCancel(t.Context())
	p := &phones{at: m, passed: map[moment]chan struct{}{}, killed: make(chan struct{}), back: make(chan struct{}), over: over}
	for _, m := range moments {
		p.passed[m] = make(chan struct{})
	}
	t.Cleanup(func() { over(); p.work.Wait() })
	p.answers(ctx, b.desks[pbx.Manager1], &p.manager, p.managerDoes)
	p.answers(ctx, b.outside, &p.client, p.clientDoes)
	return p
}

// answers lets a phone do something with each call, and counts them.
func (p *phones) answers(ctx context.Context, phone *softphone.Phone, rung *int, does func(context.Context, *softphone.Incoming)) {
	p.work.Go(func() {
		for {
			in, err := phone.ExpectRing(ctx)
			if err != nil {
				return
			}
			p.mu.Lock()
			*rung++
			p.mu.Unlock()
			p.work.Go(func() { does(ctx, in) })
		}
	})
}

// pass notes a moment, and stands still until the kill if that is when it is to
// happen.
func (p *phones) pass(ctx context.Context, m moment) {
	p.mu.Lock()
	select {
	case <-p.passed[m]:
	default:
		close(p.passed[m])
	}
	p.mu.Unlock()
	if p.at == m {
		await(ctx, p.killed)
	}
}

func await(ctx context.Context, c <-chan struct{}) {
	select {
	case <-c:
	case <-ctx.Done():
	}
}

// managerDoes picks up, listens, and presses 1 until there is the client.
func (p *phones) managerDoes(ctx context.Context, in *softphone.Incoming) {
	p.pass(ctx, dialing)
	if in.Ring() != nil {
		return
	}
	p.pass(ctx, ringing)
	if p.at == dialing || p.at == ringing {
		await(ctx, p.back) // nobody picks up while the daemon is away
	}
	call, err := in.Answer(ctx)
	if err != nil || call.Hears(ctx, softphone.Voice) != nil {
		return // Asterisk hangs up who is answered by nobody
	}
	p.pass(ctx, announcement)
	if p.at == announcement {
		await(ctx, p.back)
	}
	for again := true; again; {
		if call.SendDTMF(ctx, "1") != nil {
			return
		}
		p.pass(ctx, keyPressed)
		listens, enough := context.WithTimeout(ctx, 5*time.Second)
		again = call.Hears(listens, clientTone) != nil && ctx.Err() == nil
		enough()
	}
	await(ctx, call.Done())
}

// clientDoes picks up, and talks until the daemon is back and the talk counts.
func (p *phones) clientDoes(ctx context.Context, in *softphone.Incoming) {
	if in.Ring() != nil {
		return
	}
	call, err := in.Answer(ctx)
	if err != nil || call.Hears(ctx, tones[pbx.Manager1]) != nil {
		return
	}
	p.pass(ctx, connected)
	began := time.Now()
	select {
	case <-p.back:
	case <-call.Done():
	case <-ctx.Done():
		return
	}
	select {
	case <-time.After(time.Until(began.Add(minTalk))):
	case <-call.Done():
	case <-ctx.Done():
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-call.Done():
		p.cut = true
	default:
		p.talked = call.Hangup(ctx) == nil
	}
}

// last is the last moment that has passed.
func (p *phones) last() moment {
	p.mu.Lock()
	defer p.mu.Unlock()
	var last moment
	for _, m := range moments {
		select {
		case <-p.passed[m]:
			last = m
		default:
		}
	}
	return last
}

func (p *phones) waitFor(t *testing.T, m moment) {
	t.Helper()
	select {
	case <-p.passed[m]:
	case <-time.After(patience):
		t.Fatalf("it does not come to the moment %q", m)
	}
}

// finish waits until nobody is on the phone any more, and puts the phones down.
func (p *phones) finish(t *testing.T, b *branch) {
	t.Helper()
	p.waitFor(t, dialing)
	waitFor(t, "no channel is left", func() bool { return channelsOf(t, b) == "" })
	p.over()
	p.work.Wait()
}

package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ending is one way in which a call of the siege goes. Each has a number of the
// company, and a SIPp of its own whose callers all do the same.
type ending struct {
	name     string
	pool     string
	scenario string        // what the caller does
	stays    time.Duration // how long, where that is the caller's own decision
	plan     string        // what the dialplan does with them
	part     int           // of the load
	reason   string        // of the verdict, where the whole call was watched
}

// endings are the mix. In each second of a full load (30 calls) so many callers
// do each, as their part is.
var endings = []ending{
	{"gives up on a ringing phone", "sales", "callers.xml", 2 * time.Second, "Dial(PJSIP/silent,30)", 4, "abandoned_ringing"},
	{"is answered by nobody", "sales", "refused.xml", 0, "Dial(PJSIP/silent,2)\n same => n,Hangup(19)", 3, "no_answer"},
	{"finds the phone busy", "sales", "refused.xml", 0, "Dial(PJSIP/busy,30)\n same => n,Hangup(17)", 3, "busy"},
	{"talks", "sales", "hangsup.xml", siegeTalk, "Dial(PJSIP/agent1,30)", 3, "person"},
	{"gives up on a ring group", "support", "callers.xml", 2 * time.Second, "Dial(Local/silent@ring/n&Local/quiet@ring/n,30)", 3, "abandoned_ringing"},
	{"talks with one of a ring group", "support", "hangsup.xml", siegeTalk, "Dial(Local/silent@ring/n&Local/agent2@ring/n,30)", 2, "person"},
	{"gives up in the queue", "service", "hangsup.xml", 3 * time.Second, "Answer()\n same => n,Queue(slow,t)", 3, "abandoned_queue"},
	{"waits too long in the queue", "service", "sentaway.xml", 0, "Answer()\n same => n,Queue(slow,t,,,2)\n same => n,Hangup()", 2, "queue_timeout"},
	{"talks after the queue", "service", "hangsup.xml", siegeRing + siegeTalk, "Answer()\n same => n,Queue(quick,t)", 3, "person"},
	{"gives up in the menu", "service", "hangsup.xml", 2 * time.Second, "Answer()\n same => n,Background(vm-options)\n same => n,WaitExten(20)", 3, "abandoned_ivr"},
	{"gives up on a phone whose owner is rung back by a robot", "desk", "callers.xml", 1500 * time.Millisecond, "Dial(PJSIP/quiet,30)", 1, "abandoned_ringing"},
}

// fullLoad is the sum of the parts.
const fullLoad = 30

const (
	// siegeTalk is how long those stay who talk with somebody: a talk of 3 s counts,
	// and records of whole seconds prove one second less than there was.
	siegeTalk = 5500 * time.Millisecond
	// siegeRing is how long it takes at most until somebody picks up. It must be more
	// than 2 s: sooner, records do not tell a person from a greeting.
	siegeRing = 3500 * time.Millisecond
)

// line is the number that is dialed for the n-th ending.
func endingLine(n int) string { return fmt.Sprintf("749510001%02d", n) }

// siegeNumber is the number of the n-th caller of an ending, a Russian mobile
// phone's.
func siegeNumber(ending, n int) string { return fmt.Sprintf("79%02d%07d", 10+ending, n) }

// caller is one call from outside, as SIPp tells of it: the caller's own, and
// that of the phone which was picked up.
type caller struct {
	number string // E.164 with its plus
	ending *ending
	steps  []callerStep
	talks  []callerStep // what the phones noted, beside
	dead   []interval   // as of the siege
	set    []time.Time  // the same: when the PBX's clock was
}

type callerStep struct {
	at   time.Time
	what string
}

// The steps that the scenarios note.
const (
	onlyRings = "rings"    // the first: nobody may have heard of it
	onlyTaken = "is taken" // the PBX has it, and may not have looked at it yet
	talking   = "talks"
	hasTalked = "has talked"
)

// due is what a caller is owed.
type due int

const (
	nothing  due = iota // has talked with a person
	callback            // has not, and the PBX knew of the call
	unclear             // it cannot be said from outside, or either would do
)

// spansSetting says whether the PBX's clock was set during the call.
func (c *caller) spansSetting() bool {
	return slices.ContainsFunc(c.set, func(at time.Time) bool { return at.After(c.steps[0].at) && at.Before(c.last()) })
}

// vainly says whether the PBX was ending or beginning: it may then say that it
// has a call before it does anything about it, and never does.
func (c *caller) vainly(at time.Time) bool {
	return slices.ContainsFunc(c.dead, func(d interval) bool { return at.After(d.since.Add(-dying)) && at.Before(d.until) })
}

// dying is how long before its end a PBX may have taken a call of which it then
// wrote and told nothing.
const dying = 100 * time.Millisecond

// talkMargin is how near to the limit of a talk nobody can say on which side
// it is: phone, PBX and daemon hear of it one after the other.
const talkMargin = 700 * time.Millisecond

// owed says what the truth is, by what caller and phones have noted.
func (c *caller) owed() due {
	heard := slices.ContainsFunc(c.steps, func(s callerStep) bool { return s.what != onlyRings && (s.what != onlyTaken || !c.vainly(s.at)) })
	switch talked := c.talked(); {
	case talked >= defaultTalk+talkMargin && c.spansSetting():
		return unclear // its times are of two clocks, and who is in doubt is rung back
	case talked >= defaultTalk+talkMargin:
		return nothing
	case talked > defaultTalk-talkMargin || !heard:
		return unclear
	}
	return callback
}

// defaultTalk is what counts as a talk where the configuration says nothing.
const defaultTalk = 3 * time.Second

// talked is how long the phone's user heard the caller. One that was never hung
// up was cut off: it has talked until the caller knew, or until the PBX died.
func (c *caller) talked() time.Duration {
	var began, ended time.Time
	for _, s := range c.talks {
		switch s.what {
		case talking:
			began = s.at
		case hasTalked:
			ended = s.at
		}
	}
	if began.IsZero() {
		return 0
	}
	switch {
	case !ended.IsZero():
	case c.through() || len(c.dead) == 0:
		ended = c.last()
	default:
		ended = time.Now()
	}
	for _, d := range c.dead { // whoever talked did so no longer
		if d.since.After(began) && d.since.Before(ended) {
			ended = d.since
		}
	}
	return ended.Sub(began)
}

func (c *caller) last() time.Time { return c.steps[len(c.steps)-1].at }

// through says whether all went as in the scenario.
func (c *caller) through() bool {
	return slices.Contains([]string{"gave up", "was refused", "hung up", "was sent away"}, c.steps[len(c.steps)-1].what)
}

func (c *caller) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, who %s:", c.number, c.ending.name)
	for _, s := range slices.SortedStableFunc(slices.Values(append(slices.Clone(c.steps), c.talks...)), func(a, b callerStep) int { return a.at.Compare(b.at) }) {
		fmt.Fprintf(&b, " %s %s,", s.at.Format("15:04:05.000"), s.what)
	}
	return strings.TrimSuffix(b.String(), ",")
}

// siegePatience ends a call of which SIPp hears nothing more: the PBX was killed.
// Nobody who waits for something waits so long.
var siegePatience = []string{"-recv_timeout", "12000"}

// load is SIPp ringing, once for each ending.
type load struct {
	s     *siege
	sipps []*exec.Cmd
	said  []*lastWords
	over  chan struct{} // closed when the last caller has hung up
}

// startLoad lets so many callers a second ring for some time; it does not wait.
func (s *siege) startLoad(perSecond float64, long time.Duration) *load {
	s.Helper()
	l := &load{s: s, over: make(chan struct{})}
	for n, e := range endings {
		rate := perSecond * float64(e.part) / fullLoad
		calls := max(1, int(rate*long.Seconds()))
		var numbers strings.Builder
		numbers.WriteString("SEQUENTIAL\n")
		for i := range calls {
			fmt.Fprintf(&numbers, "%s;\n", siegeNumber(n, s.rung[n]+i))
		}
		s.rung[n] += calls
		list := filepath.Join(s.dir, fmt.Sprintf("callers-%d-%d.csv", n, s.loads))
		if err := os.WriteFile(list, []byte(numbers.String()), 0o600); err != nil {
			s.Fatal(err)
		}
		sipp, said := s.sipp(e.scenario, freeUDP(s, s.callerHost), "-inf", list, "-s", endingLine(n), "-d", strconv.Itoa(int(e.stays.Milliseconds())),
			"-m", strconv.Itoa(calls), "-r", strconv.FormatFloat(rate, 'f', 3, 64), "-l", "100000",
			siegePatience[0], siegePatience[1], "-trace_logs", "-log_file", filepath.Join(s.dir, fmt.Sprintf("callers-%d-%d.log", n, s.loads)), s.pbx.SIPAddr)
		if err := sipp.Start(); err != nil {
			s.Fatal(err)
		}
		l.sipps, l.said = append(l.sipps, sipp), append(l.said, said)
	}
	s.loads++
	go func() {
		defer close(l.over)
		for _, sipp := range l.sipps {
			_ = sipp.Wait() // that a call went otherwise stands in its log
		}
	}()
	s.Cleanup(func() {
		for _, sipp := range l.sipps {
			_ = sipp.Process.Kill() // it may have ended
		}
		<-l.over
	})
	return l
}

// running says whether somebody still rings or talks.
func (l *load) running() bool {
	select {
	case <-l.over:
		return false
	default:
		return true
	}
}

// callers are all of all loads so far, by number, from SIPp's own notes.
func (s *siege) callers() map[string]*caller {
	s.Helper()
	found := map[string]*caller{}
	for n := range endings {
		for l := range s.loads {
			for number, step := range s.notes(fmt.Sprintf("callers-%d-%d.log", n, l)) {
				c := found[number]
				if c == nil {
					c = &caller{number: number, ending: &endings[n], dead: s.dead, set: s.clockSet}
					found[number] = c
				}
				c.steps = append(c.steps, step)
			}
		}
	}
	for number, step := range s.notes(agentsLog) {
		if c := found[number]; c != nil {
			c.talks = append(c.talks, step)
		}
	}
	return found
}

const agentsLog = "agents.log"

// notes reads what scenarios have noted: day, time and epoch, a number, and what
// happened to it.
func (s *siege) notes(name string) func(yield func(string, callerStep) bool) {
	return func(yield func(string, callerStep) bool) {
		lines := bufio.NewScanner(strings.NewReader(s.read(filepath.Join(s.dir, name))))
		for lines.Scan() {
			var epoch float64
			day, rest, _ := strings.Cut(lines.Text(), "\t")
			clock, rest, _ := strings.Cut(rest, "\t")
			stamp, rest, _ := strings.Cut(rest, " ")
			number, what, _ := strings.Cut(rest, " ")
			epoch, err := strconv.ParseFloat(stamp, 64)
			if err != nil {
				s.Fatalf("%s: a note of SIPp that cannot be read: %q (%s %s)", name, lines.Text(), day, clock)
			}
			if !yield("+"+strings.TrimPrefix(number, "+"), callerStep{time.UnixMicro(int64(epoch * 1e6)), what}) {
				return
			}
		}
	}
}

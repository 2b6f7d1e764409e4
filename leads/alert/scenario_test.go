package alert

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.yaml.in/yaml/v4"

	"ringback/ari/call"
	"ringback/leads"
	"ringback/leads/appointments"
	"ringback/leads/db"
	"ringback/leads/jobs"
	"ringback/leads/told"
	"ringback/routing"
)

var update = flag.Bool("update", false, "rewrite what the stories of testdata/scenarios/ladder expect: read the difference!")

// TestStories plays the stories of testdata/scenarios/ladder: days of an office, told
// in lines. Each fails on a message or call that it does not expect, and on one
// that it expects and that does not come.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("../../testdata/scenarios/ladder/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			parts := sections(string(text))
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, parts["office"])
				told, timeline := s.play(parts["story"]), s.entries()
				if *update {
					rewrite(t, file, text, told, timeline)
					return
				}
				same(t, "story", parts["story"], told)
				if _, given := parts["timeline"]; given {
					same(t, "timeline", parts["timeline"], timeline)
				}
			})
		})
	}
}

// marker begins a section of a txtar file.
var marker = regexp.MustCompile(`(?m)^-- (\S+) --\n`)

// sections reads the sections of a txtar file; what stands before the first is
// its comment.
func sections(text string) map[string]string {
	parts := map[string]string{}
	marks := marker.FindAllStringSubmatchIndex(text, -1)
	for i, m := range marks {
		end := len(text)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		parts[text[m[2]:m[3]]] = text[m[1]:end]
	}
	return parts
}

func same(t *testing.T, what, want, got string) {
	t.Helper()
	if strings.TrimSpace(want) != strings.TrimSpace(got) {
		t.Errorf("the %s goes\n%s\nand should go\n%s", what, got, want)
	}
}

// rewrite puts what has come of a story where the file says what should.
func rewrite(t *testing.T, file string, text []byte, story, timeline string) {
	t.Helper()
	out, rest, _ := bytes.Cut(text, []byte("-- story --\n"))
	out = append(bytes.Clone(out), "-- story --\n"+story...)
	if bytes.Contains(rest, []byte("-- timeline --\n")) {
		out = append(out, "-- timeline --\n"+timeline...)
	}
	if err := os.WriteFile(file, out, 0o644); err != nil {
		t.Fatal(err)
	}
}

// scene is an office in which a story is played.
type scene struct {
	*house
	zone  *time.Location
	stage *stage
	past  time.Time            // when the newest line of the story was
	talks map[string]call.Call // those that go on, by the number
}

// newScene opens an office: the usual one, changed by what the story says of
// its pools and managers.
func newScene(t *testing.T, settings string) *scene {
	t.Helper()
	s := &scene{talks: map[string]call.Call{}, past: time.Now()}
	s.stage = &stage{answers: map[string][]string{}, busy: map[string]bool{}, fails: map[string]Outcome{}, scene: s}
	s.house = newHouse(t)
	s.pool().Ladder = routing.DefaultLadder()
	office := struct {
		Zone     string
		Mode     Mode
		NoRobot  bool `yaml:"no_robot"`
		Channels []string
		Alerts   told.Policy
		Pools    []routing.Pool
		Managers []routing.Manager
		Lines    []routing.Line
	}{Zone: "UTC", Mode: Act, Channels: []string{"sip"}, Pools: s.office.Directory.Pools, Managers: s.office.Directory.Managers, Lines: s.office.Directory.Lines}
	if err := yaml.Load([]byte(settings), &office, yaml.WithKnownFields()); err != nil && strings.TrimSpace(settings) != "" {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation(office.Zone)
	if err != nil {
		t.Fatal(err)
	}
	s.zone, s.mode = zone, office.Mode
	for _, name := range office.Channels {
		s.channels = append(s.channels, Named{Name: name, Channel: booth{s.stage, name}, Crash: jobs.InDoubt})
	}
	for i := range office.Pools {
		p := &office.Pools[i]
		if p.Supervisor == "" {
			p.Supervisor = "chief"
		}
		if p.Ladder.Rungs == nil {
			p.Ladder = routing.DefaultLadder()
		}
		if p.Missed == (routing.Thresholds{}) {
			p.Missed = routing.DefaultThresholds()
		}
		if err := p.Hours.Compile(zone); err != nil {
			t.Fatal(err)
		}
	}
	for i := range office.Managers {
		if err := office.Managers[i].Hours.Compile(zone); err != nil {
			t.Fatal(err)
		}
	}
	s.office.Directory = &routing.Directory{Pools: office.Pools, Managers: office.Managers, Lines: office.Lines}
	s.told = told.New(told.Config{Directory: s.office.Directory, Policy: office.Alerts, Zone: zone})
	s.busy = s.stage.onThePhone
	if !office.NoRobot {
		s.robot = []jobs.Work{{Kind: leads.KindCall, Timeout: 10 * time.Minute, Do: s.stage.ring}}
	}
	s.open()
	return s
}

// play tells the story: what happens in its lines happens, and what comes of
// it is what it returns, among the lines. Lines with an arrow are what is
// expected, and tell nothing.
func (s *scene) play(story string) string {
	var told []string
	for line := range strings.Lines(story) {
		line = strings.TrimSpace(line)
		if line == "" || strings.Contains(line, "→") {
			continue
		}
		words := strings.Fields(line)
		s.wait(words)
		told = append(told, s.stage.since()...)
		told = append(told, line)
		s.happen(words[2:])
	}
	if !strings.HasSuffix(story, " end\n") {
		s.t.Error("the story has no end")
	}
	return strings.Join(told, "\n") + "\n"
}

// wait lets time pass until what a line says: a date or the next such weekday,
// and the time.
func (s *scene) wait(words []string) {
	s.t.Helper()
	if len(words) < 3 {
		s.t.Fatalf("%q is no line of a story", words)
	}
	clock, err := time.ParseInLocation("15:04:05", words[1], s.zone)
	if err != nil {
		s.t.Fatal(err)
	}
	day := s.past.In(s.zone)
	if date, err := time.ParseInLocation(time.DateOnly, words[0], s.zone); err == nil {
		day = date
	} else {
		for range 7 {
			if weekday(day) == words[0] {
				break
			}
			day = day.AddDate(0, 0, 1)
		}
		if weekday(day) != words[0] {
			s.t.Fatalf("%q is no day", words[0])
		}
	}
	at := time.Date(day.Year(), day.Month(), day.Day(), clock.Hour(), clock.Minute(), clock.Second(), 0, s.zone)
	if at.Before(s.past) {
		s.t.Fatalf("%v comes before the line above it", words)
	}
	s.past = at
	time.Sleep(time.Until(at))
	synctest.Wait()
}

func weekday(t time.Time) string { return strings.ToLower(t.Format("Mon")) }

// happen is what a line of the story says.
func (s *scene) happen(words []string) {
	s.t.Helper()
	who, rest, _ := strings.Cut(strings.Join(words, " "), " ")
	switch what, args, _ := strings.Cut(rest, " "); what {
	case "missed": // "+7… missed", after 5 s, or "+7… missed after 2s"
		s.missedAfter(who, args)
	case "strangers": // "50 strangers are missed", one a second: +79160000001 and so on
		n, err := strconv.Atoi(who)
		if err != nil {
			s.t.Fatal(err)
		}
		for i := range n {
			s.missed(fmt.Sprintf("+7916%07d", i+1))
			time.Sleep(time.Second)
		}
	case "leaves": // "anonymous leaves a voicemail"
		c := s.miss(who)
		c.How, c.Message = call.Voicemail, true
		s.tell(call.Ended, c)
	case "calls": // "anna calls +7…": and they talk
		s.talks[args] = s.talk(call.Outbound, s.phone(who), args)
		s.stage.pickUp(who, true)
	case "reaches": // "+7… reaches anna": and they talk
		s.talks[who] = s.talk(call.Inbound, s.phone(args), who)
		s.stage.pickUp(args, true)
	case "declines": // "+7… declines with anna": presses the key that cancels, in the call that reminds
		s.decline(who, strings.TrimPrefix(args, "with "))
	case "part": // "+7… part": the talk is over
		s.part(who)
	case "is": // "anna is busy", "anna is free": a call of their own; "anna is away for 3h", "anna is away", "anna is back"
		s.where(who, args)
	case "chooses": // "anna chooses {…}": told.Choices in JSON
		s.choose(who, args)
	case "fails", "works": // "mail fails refused": a channel
		s.stage.fail(who, what == "fails", Outcome(args))
	case "will": // "anna will press 2 4", "anna will answer nothing": in their next call
		_, keys, _ := strings.Cut(args, " ")
		s.stage.answer(who, strings.Fields(keys))
	case "acknowledges", "settles", "hands":
		s.act(who, what, strings.TrimPrefix(args, "on "))
	case "stops":
		s.stop()
	case "starts":
		s.open()
	case "": // "end"
	default:
		s.t.Fatalf("nobody knows what %q means", words)
	}
	synctest.Wait()
}

func (s *scene) missedAfter(caller, args string) {
	s.t.Helper()
	c := s.miss(caller)
	if after, ok := strings.CutPrefix(args, "after "); ok {
		d, err := time.ParseDuration(after)
		if err != nil {
			s.t.Fatal(err)
		}
		c.Started = c.Ended.Add(-d)
	}
	s.tell(call.Ended, c)
}

func (s *scene) part(number string) {
	s.t.Helper()
	c, talking := s.talks[number]
	if !talking {
		s.t.Fatalf("%s is not on the phone", number)
	}
	delete(s.talks, number)
	if m, _ := s.office.Directory.Holder("main", c.Talks[0].Who.Endpoint); m != nil {
		s.stage.pickUp(m.Login, false)
	}
	s.hangup(c)
}

// decline is a reminder that a client answers by cancelling.
func (s *scene) decline(number, manager string) {
	s.t.Helper()
	n := appointments.Notice{ID: "notify:reminder:" + s.id(), Why: appointments.WhyAnswered, To: manager, Outcome: appointments.SaidNo,
		Appointment: &appointments.Appointment{Number: number, Manager: manager}, Pool: routing.DefaultPool}
	if err := s.db.Do(s.t.Context(), func(tx *db.Tx) error { return s.ladder.Notice(tx, n) }); err != nil {
		s.t.Fatal(err)
	}
}

// where is what somebody does: with their phone, or with themselves.
func (s *scene) where(login, args string) {
	s.t.Helper()
	what, length, _ := strings.Cut(args, " for ")
	if what != "away" && what != "back" {
		s.stage.pickUp(login, args == "busy")
		return
	}
	hand := s.book.Hand(leads.Sight{Login: login}, leads.ByPage)
	err := s.db.Do(s.t.Context(), func(tx *db.Tx) error {
		if what == "back" {
			return hand.Back(tx, login)
		}
		until := time.Time{}
		if d, err := time.ParseDuration(length); err == nil {
			until = tx.Now().Add(d)
		}
		return hand.Away(tx, login, time.Time{}, until)
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// choose is what somebody says in their settings.
func (s *scene) choose(login, choices string) {
	s.t.Helper()
	var c told.Choices
	if err := json.Unmarshal([]byte(choices), &c); err != nil {
		s.t.Fatal(err)
	}
	var names []string
	for _, ch := range s.channels {
		names = append(names, ch.Name)
	}
	if err := s.db.Do(s.t.Context(), func(tx *db.Tx) error { return s.house.told.Save(tx, login, c, names) }); err != nil {
		s.t.Fatal(err)
	}
}

// phone is where a manager is rung.
func (s *scene) phone(login string) string {
	s.t.Helper()
	m := s.office.Directory.Manager(login)
	if m == nil || len(m.Devices) == 0 {
		s.t.Fatalf("%s has no phone", login)
	}
	return m.Devices[0].Address()
}

// act is what somebody does by hand with the open lead of a number.
func (s *scene) act(who, what, number string) {
	s.t.Helper()
	var lead int64
	err := s.db.Reader().QueryRow("SELECT id FROM leads WHERE closed IS NULL AND contact = (SELECT contact FROM numbers WHERE number = $1)", number).Scan(&lead)
	if err != nil {
		s.t.Fatalf("the lead of %s: %v", number, err)
	}
	err = s.db.Do(s.t.Context(), func(tx *db.Tx) error {
		switch what {
		case "acknowledges":
			return s.book.Acknowledge(tx, lead, who, leads.ByAPI)
		case "settles":
			return s.book.Settle(tx, lead, who, leads.ByAPI)
		}
		_, err := s.book.HandOn(tx, lead, who, leads.ByAPI)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// entries are the timelines of all leads, one after the other, an entry a line.
func (s *scene) entries() string {
	rows, err := s.db.Reader().Query("SELECT COALESCE(lead, 0), kind, who, channel, detail FROM timeline ORDER BY 1, id")
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	var b strings.Builder
	for rows.Next() {
		var lead int64
		words := make([]string, 4)
		if err := rows.Scan(&lead, &words[0], &words[1], &words[2], &words[3]); err != nil {
			s.t.Fatal(err)
		}
		words = slices.DeleteFunc(words, func(w string) bool { return w == "" })
		fmt.Fprintf(&b, "%d %s\n", lead, strings.Join(words, " "))
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return b.String()
}

package web

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"ringback/cmd/ringback/web/page"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/routing"
)

// twoPools adds a pool that is Clara's and has nothing to do with Anna, and Boris
// to Anna's.
func twoPools(c *Config) {
	d := c.Office.Directory
	d.Managers = append(d.Managers, routing.Manager{Login: "boris", Name: "Boris"}, routing.Manager{Login: "clara", Name: "Clara"},
		routing.Manager{Login: "chief", Role: routing.Supervisor})
	d.Lines = append(d.Lines, routing.Line{Name: "service", Numbers: []string{"+74951000002"}, Pool: "service"})
	d.Pools[0].Managers = append(d.Pools[0].Managers, "boris")
	d.Pools = append(d.Pools, routing.Pool{Name: "service", Managers: []string{"clara"}, Supervisor: "boss", Pick: routing.RoundRobin,
		Ladder: routing.DefaultLadder(), Missed: routing.DefaultThresholds()})
}

// ear is an open page that hears what changes.
type ear struct {
	t      *testing.T
	events chan [2]string
	stop   context.CancelFunc
}

// hears opens the stream of a page, with the headers of who looks at it.
func (h *house) hears(who map[string]string, query string) *ear {
	h.t.Helper()
	ctx, stop := context.WithCancel(h.t.Context())
	h.t.Cleanup(stop)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url+"/live"+query, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	for k, v := range who {
		r.Header.Set(k, v)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		h.t.Fatalf("the stream: %d %v", resp.StatusCode, resp.Header)
	}
	e := &ear{h.t, make(chan [2]string, 100), stop}
	go func() {
		defer close(e.events)
		defer resp.Body.Close()
		var event string
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				event = name
			} else if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				e.events <- [2]string{event, data}
			}
		}
	}()
	e.wants("hello")
	return e
}

// wants waits for the next event, and gives its data.
func (e *ear) wants(event string) string {
	e.t.Helper()
	select {
	case got := <-e.events:
		if got[0] != event {
			e.t.Fatalf("heard %q, want %s", got, event)
		}
		return got[1]
	case <-time.After(10 * time.Second):
		e.t.Fatalf("no %s was heard", event)
	}
	return ""
}

// changed waits for a change, and gives its leads.
func (e *ear) changed() []int64 {
	e.t.Helper()
	var news struct {
		Mark  string
		Leads []int64
	}
	if err := json.Unmarshal([]byte(e.wants("changed")), &news); err != nil || news.Mark == "" {
		e.t.Fatalf("%+v: %v", news, err)
	}
	return news.Leads
}

// TestOpenPagesHearOfWhatTheySee: whose lead it is hears of it by its number, a
// colleague of the pool that something has changed, and nobody else anything.
func TestOpenPagesHearOfWhatTheySee(t *testing.T) {
	h := newHouse(t, twoPools)
	anna, boris, clara, chief := h.hears(h.as("anna"), ""), h.hears(h.as("boris"), ""), h.hears(h.as("clara"), ""), h.hears(h.as("chief"), "")
	begun := time.Now()
	h.tell("+79161234567", "Ivan", nil) // it is Anna's turn
	if got := anna.changed(); len(got) != 1 || got[0] != 1 {
		t.Errorf("Anna hears of %v", got)
	}
	if took := time.Since(begun); took > time.Second {
		t.Errorf("it took %v", took)
	}
	if got := boris.changed(); len(got) != 0 {
		t.Errorf("Boris hears of %v", got)
	}
	if got := chief.changed(); len(got) != 1 {
		t.Errorf("the supervisor of all hears of %v", got)
	}
	// What Clara hears first is of her own pool: nothing has come before.
	h.exec("INSERT INTO contacts (name, created) VALUES ('x', 1)")
	err := h.db.Do(t.Context(), func(tx *db.Tx) error {
		_, err := h.book.OpenByHand(tx, leads.ByHand{Contact: 2, Line: "service"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := clara.changed(); len(got) != 1 || got[0] != 2 {
		t.Errorf("Clara hears of %v", got)
	}
}

// TestManyChangesAreToldAtOnce: a page is told no more than five times a second.
func TestManyChangesAreToldAtOnce(t *testing.T) {
	h := newHouse(t)
	anna := h.hears(h.as("anna"), "")
	seen, told, begun := map[int64]bool{}, 0, time.Now()
	const all = 60
	for i := range all {
		h.tell("+7916123456"+string(rune('0'+i%10)), "", nil)
	}
	for len(seen) < 10 || told == 0 {
		for _, id := range anna.changed() {
			seen[id] = true
		}
		told++
	}
	if most := 2 + int(time.Since(begun)/(200*time.Millisecond)); told > most {
		t.Errorf("told %d times in %v, want at most %d", told, time.Since(begun), most)
	}
}

// TestAMarkTellsWhetherAPageIsOld: who opened the stream late learns from its
// first event that something has happened meanwhile.
func TestAMarkTellsWhetherAPageIsOld(t *testing.T) {
	h := newHouse(t)
	who := h.as("anna")
	mark := func() string {
		body := h.ask(ask{path: "/", header: who}).body
		_, rest, _ := strings.Cut(body, `data-mark="`)
		mark, _, _ := strings.Cut(rest, `"`)
		return mark
	}
	before := mark()
	if before == "" || mark() != before {
		t.Fatalf("the marks of two pages between which nothing happened: %q and %q", before, mark())
	}
	h.tell("+79161234567", "", nil)
	if mark() == before {
		t.Error("something happened, and the mark is the same")
	}
}

// TestAnAlertIsSaidAloud: on the pages on which its person has asked for it.
func TestAnAlertIsSaidAloud(t *testing.T) {
	hub := page.NewHub()
	h := newHouse(t, func(c *Config) { c.Hub = hub })
	a := page.Alert{Title: "Ivan", Body: `</script>"` + "\n", Path: "/leads/1"}
	who := h.as("anna")
	if hub.Tell(t.Context(), "anna", a) {
		t.Error("an alert was taken, and no page is open")
	}
	quiet := h.hears(who, "")
	if hub.Tell(t.Context(), "anna", a) {
		t.Error("an alert was taken by a page that is to be quiet")
	}
	loud := h.hears(who, "?alerts=1")
	if hub.Tell(t.Context(), "boss", a) {
		t.Error("an alert was taken for somebody else")
	}
	said := func() page.Alert {
		t.Helper()
		var got page.Alert
		if err := json.Unmarshal([]byte(loud.wants("alert")), &got); err != nil || got.ID == "" {
			t.Fatalf("%+v: %v", got, err)
		}
		return got
	}
	shows := func(who map[string]string, id string) {
		t.Helper()
		if got := h.post(who, "/live", url.Values{"alert": {id}}); got.code != http.StatusNoContent {
			t.Fatalf("that it is shown: %d %s", got.code, got.body)
		}
	}
	for _, tc := range []struct {
		name  string
		shows func(id string)
		taken bool
	}{
		{"it is shown", func(id string) { shows(who, id) }, true},
		{"nothing is shown", func(string) {}, false},
		{"another is", func(string) { shows(who, "ANOTHER") }, false},
		{"it is, to somebody else", func(id string) { shows(h.as("boss"), id) }, false},
	} {
		ctx, stop := context.WithCancel(t.Context())
		taken := make(chan bool, 1)
		go func() { taken <- hub.Tell(ctx, "anna", a) }()
		got := said()
		tc.shows(got.ID)
		if tc.taken {
			if !<-taken {
				t.Errorf("%s: it was not taken", tc.name)
			}
		}
		stop()
		if !tc.taken && <-taken {
			t.Errorf("%s: it was taken", tc.name)
		}
		if got.ID = ""; got != a {
			t.Errorf("%s: %+v", tc.name, got)
		}
	}
	quiet.stop()
}

// TestTheOldestOfTooManyPagesMakesRoom: nine pages of one person.
func TestTheOldestOfTooManyPagesMakesRoom(t *testing.T) {
	h := newHouse(t)
	who := h.as("anna")
	first := h.hears(who, "")
	boss := h.hears(h.as("boss"), "")
	var last *ear
	for range 8 {
		last = h.hears(who, "")
	}
	first.wants("enough")
	if _, open := <-first.events; open {
		t.Error("the oldest page is told on")
	}
	h.tell("+79161234567", "", nil)
	last.changed()
	boss.changed()
}

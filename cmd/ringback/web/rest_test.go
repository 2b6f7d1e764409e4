package web

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ringback/leads"
	"ringback/leads/view"
)

var (
	rows  = regexp.MustCompile(`data-key="lead-(\d+)"`)
	onto  = regexp.MustCompile(`<p class="more" id="more"><a class="button" href="([^"]+)">Show more</a>`)
	count = regexp.MustCompile(`<h[12]>([A-Za-z ]+?) <span class="count">(\d+)</span>`)
)

// open makes so many leads of a manager in a pool, each a second after the other,
// whose ladders have been climbed so far.
func (h *house) open(n int, pool, manager string, rung int) {
	h.t.Helper()
	h.exec(`WITH RECURSIVE i (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < $1) INSERT INTO leads (pool, line, manager, missed, first_missed, last_missed, opened, rung)
		SELECT $2, 'sales', $3, 1, i * 1000, i * 1000, i * 1000, $4 FROM i`, n, pool, manager, rung)
}

// TestAPageShowsTheOldestAndMoreWhenAsked: fifty, then a hundred, then two hundred,
// by plain links that keep the filters; what is counted is all there is.
func TestAPageShowsTheOldestAndMoreWhenAsked(t *testing.T) {
	h := newHouse(t)
	h.open(203, "default", "", 0)
	for _, first := range []string{"/", "/everyone", "/everyone?only=free&pool=default", "/everyone?only=overdue"} {
		address := first
		for _, want := range []int{50, 100, 200} {
			page := h.page(address)
			found := rows.FindAllStringSubmatch(page, -1)
			if len(found) != want || found[0][1] != "1" || found[want-1][1] != fmt.Sprint(want) {
				t.Errorf("%s shows %d callbacks, want the %d oldest", address, len(found), want)
			}
			if said := count.FindAllString(page, -1); len(said) == 0 || slices.ContainsFunc(said, func(s string) bool { return !strings.Contains(s, ">203<") }) {
				t.Errorf("%s counts %v, want 203 everywhere", address, said)
			}
			if !strings.Contains(page, `name="back" value="`+strings.NewReplacer("&", "&amp;").Replace(address)+`"`) {
				t.Errorf("what is done on %s does not come back to it", address)
			}
			link := onto.FindStringSubmatch(page)
			if want == 200 {
				if link != nil || !strings.Contains(page, "There are more than these") {
					t.Errorf("%s offers %v, and does not say that there are more", address, link)
				}
				break
			}
			if link == nil {
				t.Fatalf("%s has no link to more", address)
			}
			address = strings.ReplaceAll(link[1], "&amp;", "&")
			for _, kept := range regexp.MustCompile(`[a-z]+=[a-z]+`).FindAllString(first, -1) {
				if !strings.Contains(address, kept) {
					t.Errorf("more of %s is at %s", first, address)
				}
			}
		}
	}
	for address, want := range map[string]int{"/?show=7": 50, "/?show=51": 100, "/?show=1000000": 200, "/?show=-1": 50} {
		if got := len(rows.FindAllString(h.page(address), -1)); got != want {
			t.Errorf("%s shows %d, want %d", address, got, want)
		}
	}
	for _, address := range []string{"/?show=x", "/everyone?show=", "/?show=1e9"} {
		if got := h.ask(ask{path: address, header: bearerHeader(rightToken)}); got.code != http.StatusNotFound {
			t.Errorf("%s: %d", address, got.code)
		}
	}
}

// TestNothingIsOfferedBeyondWhatThereIs: where all are shown there is no link, nor
// where more of what is looked for would not be found.
func TestNothingIsOfferedBeyondWhatThereIs(t *testing.T) {
	h := newHouse(t)
	h.open(50, "default", "anna", 0)
	if page := h.page("/"); onto.MatchString(page) || strings.Contains(page, "There are more") || len(rows.FindAllString(page, -1)) != 50 {
		t.Error("fifty callbacks do not fit on a page of fifty")
	}
	h.open(200, "default", "anna", 0)
	if page := h.page("/everyone?only=overdue"); onto.MatchString(page) || !strings.Contains(page, "There are more than these") {
		t.Error("among 250 of which none is overdue more are offered")
	}
}

// TestCountsAreOfAllAndTellWhatRowsTell: what is overdue of each person is counted
// in the database for the same reasons for which a row is marked.
func TestCountsAreOfAllAndTellWhatRowsTell(t *testing.T) {
	h := newHouse(t)
	for rung := range 5 {
		h.open(3, "default", "anna", rung)
		h.open(2, "default", "", rung)
		h.open(1, "gone", "anna", rung) // a pool that the configuration has no longer
	}
	now := time.Now()
	before, after := now.Add(-time.Minute).UnixMilli(), now.Add(time.Hour).UnixMilli()
	h.exec("UPDATE leads SET ack_by = 'anna', ack_until = $1 WHERE id % 4 = 0", before)
	h.exec("UPDATE leads SET ack_by = 'anna', ack_until = $1 WHERE id % 4 = 1", after)
	h.exec("UPDATE leads SET suspicious = 1 WHERE id % 5 = 0")
	h.exec("UPDATE leads SET opened = $1 WHERE id % 3 = 0", now.UnixMilli())
	h.exec("UPDATE leads SET closed = $1, outcome = 'settled' WHERE id % 11 = 0", now.UnixMilli())
	all := h.page("/everyone")
	if shown, overdue := len(rows.FindAllString(all, -1)), strings.Count(all, `class="callback overdue"`); overdue < 5 || overdue > shown-5 ||
		!strings.Contains(all, fmt.Sprintf(`<h1>Everyone <span class="count">%d</span>`, shown)) || !strings.Contains(all, fmt.Sprintf("overdue: %d, nobody&#39;s: ", overdue)) {
		t.Errorf("of %d callbacks %d are marked overdue, and the page says %v %s", shown, overdue, count.FindAllString(all, -1), regexp.MustCompile(`overdue: \d+, .*`).FindString(all))
	}
	annas := h.page("/everyone?person=anna")
	want := fmt.Sprintf(`>Anna Petrova</a></td><td class="n"><b>%d</b></td><td class="n"><b class="missed">%d</b>`, len(rows.FindAllString(annas, -1)), strings.Count(annas, `class="callback overdue"`))
	if !strings.Contains(annas, want) {
		t.Errorf("the page lacks %s", want)
	}
	if free := len(rows.FindAllString(h.page("/everyone?only=free"), -1)); !strings.Contains(all, fmt.Sprintf("nobody&#39;s: %d<", free)) {
		t.Errorf("%d are nobody's, the page says otherwise", free)
	}
	over := h.page("/everyone?only=overdue")
	for _, m := range count.FindAllStringSubmatch(over, -1)[1:] {
		_, pool, _ := strings.Cut(over, `id="pool-`+m[1]+`"`)
		pool, _, _ = strings.Cut(pool, "</ul>")
		if n := fmt.Sprint(strings.Count(pool, `class="callback overdue"`)); n != m[2] {
			t.Errorf("pool %s has %s overdue, and counts %s", m[1], n, m[2])
		}
	}
	h.tallies(leads.Sight{Login: "anna", Pools: []string{"default"}})
	h.tallies(leads.Sight{Login: "boss", Supervises: []string{"default"}})
}

// tallies demands that as many are counted as are listed for somebody.
func (h *house) tallies(s leads.Sight) {
	h.t.Helper()
	v, ctx := view.New(h.db.Reader()), h.t.Context()
	owed, _, err := v.Callbacks(ctx, s, view.MaxCallbacks)
	if err != nil {
		h.t.Fatal(err)
	}
	led, _, err := v.OpenIn(ctx, s, view.Among{}, view.MaxCallbacks)
	if err != nil {
		h.t.Fatal(err)
	}
	sum := func(list []view.Tally, err error) (n int) {
		if err != nil {
			h.t.Fatal(err)
		}
		for _, c := range list {
			n += c.Open
		}
		return n
	}
	if o, l := sum(v.TallyCallbacks(ctx, s, 0)), sum(v.TallyOpen(ctx, s, 0)); o != len(owed) || l != len(led) || o+l == 0 {
		h.t.Errorf("%s owes %d and leads %d, of which %d and %d are counted", s.Login, len(owed), len(led), o, l)
	}
}

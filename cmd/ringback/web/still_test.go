package web

import (
	"fmt"
	"strings"
	"testing"

	"ringback/cmd/ringback/web/browser"
)

// screen is a real browser in which somebody looks at a page.
type screen struct {
	*browser.Tab
	t *testing.T
}

// looksAt opens a page for a person in a real browser.
func (h *house) looksAt(who map[string]string, path string, look browser.Look) *screen {
	h.t.Helper()
	b, err := browser.Open(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(b.Close)
	tab, err := b.Tab(look)
	if err != nil {
		h.t.Fatal(err)
	}
	s := &screen{tab, h.t}
	name, value, _ := strings.Cut(who["Cookie"], "=")
	s.must(tab.Sign(h.url, name, value))
	s.must(tab.Go(h.url + path))
	s.until(`document.documentElement.classList.contains("js")`)
	return s
}

func (s *screen) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *screen) until(script string) {
	s.t.Helper()
	s.must(s.Until(s.t.Context(), script, script))
}

// TestNothingIsLostWhileAPageChanges: what is half typed, what is open, where the
// focus is and how far somebody has scrolled stay, while the page changes around
// it.
func TestNothingIsLostWhileAPageChanges(t *testing.T) {
	h := newHouse(t)
	for i := range 14 {
		h.tell(fmt.Sprintf("+791612345%02d", i), "", nil)
	}
	anna := h.as("anna")
	card := h.looksAt(anna, "/leads/1#later", browser.Desk)
	card.until(`document.querySelector("#later").closest("details").open`) // who is sent to it sees it
	card.must(card.Press("#text"))
	card.must(card.Key("half a no"))
	h.tell("+79161234500", "", nil)
	card.must(card.Sees(t.Context(), "dd", "2 missed calls"))
	card.until(`document.activeElement.id === "text" && document.activeElement.value === "half a no" && document.querySelector("#later").closest("details").open`)

	list := h.looksAt(anna, "/", browser.Look{Width: 800, Height: 600, Language: "en"})
	list.until(`document.querySelectorAll("li.callback").length === 14`)
	list.must(list.Press("li.callback:nth-child(2) details.menu > summary"))
	h.tell("+79169999999", "", nil)
	list.until(`document.querySelectorAll("li.callback").length === 15 && document.querySelectorAll("details.menu[open]").length === 1 && scrollY === 0`)
	list.must(list.Sees(t.Context(), ".pill", "1 new"))
	list.must(list.Press(".pill"))
	list.until(`(() => { const r = document.querySelector("li.callback:last-child").getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight; })()`)
	for _, tab := range []*screen{card, list} {
		if wrong := tab.Wrongs(); len(wrong) > 0 {
			t.Errorf("the browser says: %v", wrong)
		}
	}
}

// TestAPageIsUsedByTheKeyboard: from row to row, to take one, and to the help.
func TestAPageIsUsedByTheKeyboard(t *testing.T) {
	h := newHouse(t)
	h.tell("+79161234500", "", nil)
	h.tell("+79161234501", "", nil)
	h.tell("+79161234502", "", nil)
	page := h.looksAt(h.as("anna"), "/", browser.Desk)
	for range 2 {
		page.must(page.Key("j"))
	}
	page.until(`document.activeElement.getAttribute("href") === "/leads/2"`)
	page.must(page.Key("t"))
	page.must(page.Sees(t.Context(), "li[data-key=lead-2] .tag", "in hand"))
	page.must(page.Misses(t.Context(), "li[data-key=lead-1] .tag", "in hand"))
	page.must(page.Key("k"))
	page.must(page.Key("?"))
	page.must(page.Sees(t.Context(), "dialog h2", "Keyboard shortcuts"))
	if wrong := page.Wrongs(); len(wrong) > 0 {
		t.Errorf("the browser says: %v", wrong)
	}
}

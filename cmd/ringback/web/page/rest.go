package page

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"ringback/leads/view"
)

// steps are how many callbacks a page shows: the oldest, which are enough to go
// on with, and more when it is asked to.
var steps = []int{50, 100, view.MaxCallbacks}

// shown is how many a request asks for; 0: that cannot be read.
func shown(r *http.Request) int {
	asked := r.URL.Query()
	n, err := strconv.Atoi(asked.Get("show"))
	if err != nil && asked.Has("show") {
		return 0
	}
	for _, step := range steps {
		if n <= step {
			return step
		}
	}
	return view.MaxCallbacks
}

// rest is what a page of callbacks does not show.
type rest struct {
	More   string // address of the page that shows more; empty: none does
	Beyond bool   // there are more than any page shows
}

// restOf is the rest of a page that shows so many of those that it was asked for:
// its address keeps what else was asked for.
func restOf(r *http.Request, shows int, more bool) rest {
	next := slices.Index(steps, shows) + 1
	if !more || next == 0 || next == len(steps) { // fewer than were asked for: more of them would not be found
		return rest{Beyond: more}
	}
	q := url.Values{"show": {strconv.Itoa(steps[next])}}
	for _, name := range []string{"pool", "person", "only"} {
		if value := r.URL.Query().Get(name); value != "" {
			q.Set(name, value)
		}
	}
	return rest{More: r.URL.Path + "?" + q.Encode()}
}

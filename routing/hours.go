package routing

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Hours are the weekly working hours of a pool or a person. The zero value is
// always open.
type Hours struct {
	// Zone is an IANA time zone; empty: the zone of the company.
	Zone string `yaml:"zone"`
	// Week maps days ("mon", "sat,sun", "mon-fri") to windows ("09:00-18:00",
	// "09:00-13:00, 14:00-18:00", "22:00-06:00" over midnight). Empty: always open.
	Week map[string]string `yaml:"week"`

	zone    *time.Location
	windows []window
}

// window is a span of minutes of the week, Monday 00:00 being 0; to may lie
// beyond the week's end and then wraps around.
type window struct {
	from, to int
	text     string // as it was written, for errors
}

const (
	minutesOfDay  = 24 * 60
	minutesOfWeek = 7 * minutesOfDay
)

var days = map[string]int{"mon": 0, "tue": 1, "wed": 2, "thu": 3, "fri": 4, "sat": 5, "sun": 6}

// Compile reads Zone and Week; fallback is the zone where none is given. It
// must succeed before Open and NextOpening are asked.
func (h *Hours) Compile(fallback *time.Location) error {
	h.zone, h.windows = fallback, nil
	if h.Zone != "" {
		zone, err := time.LoadLocation(h.Zone)
		if err != nil {
			return fmt.Errorf("zone %q is not an IANA time zone such as Europe/Moscow", h.Zone)
		}
		h.zone = zone
	}
	for _, span := range slices.Sorted(maps.Keys(h.Week)) {
		which, err := readDays(span)
		if err != nil {
			return err
		}
		for part := range strings.SplitSeq(h.Week[span], ",") {
			part = strings.TrimSpace(part)
			from, to, err := readWindow(part)
			if err != nil {
				return fmt.Errorf("%s: %w", span, err)
			}
			for _, day := range which {
				h.windows = append(h.windows, window{day*minutesOfDay + from, day*minutesOfDay + to, span + " " + part})
			}
		}
	}
	slices.SortStableFunc(h.windows, func(a, b window) int { return a.from - b.from })
	return h.overlap()
}

// overlap is the error of windows that lie on one another: whoever writes
// "mon-fri: 09:00-18:00" and "fri: 09:00-16:00" means something that a union
// of both is not.
func (h *Hours) overlap() error {
	for i, w := range h.windows {
		next := h.windows[(i+1)%len(h.windows)]
		if i == len(h.windows)-1 {
			next.from += minutesOfWeek
		}
		if next.from < w.to {
			return fmt.Errorf("%q and %q overlap", w.text, next.text)
		}
	}
	return nil
}

// Always says that no hours are set: it never closes.
func (h *Hours) Always() bool { return len(h.windows) == 0 }

// Open says whether t lies within the working hours.
func (h *Hours) Open(t time.Time) bool {
	if h.Always() {
		return true
	}
	m := h.minute(t)
	for _, w := range h.windows {
		if m >= w.from && m < w.to || m+minutesOfWeek < w.to {
			return true
		}
	}
	return false
}

// NextOpening is t itself when it is open then, otherwise the first instant
// after t at which it is open. It goes by the clock on the wall: a window whose
// beginning a change of the clocks skips opens at the change, one that the
// clocks go through twice opens twice.
func (h *Hours) NextOpening(t time.Time) time.Time {
	// Between two changes of the clocks the wall's clock runs evenly, so that
	// the way to the next window can be measured on it.
	for !h.Open(t) {
		opening := t.Add(h.untilWindow(t))
		_, change := t.In(h.zone).ZoneBounds()
		if change.IsZero() || opening.Before(change) {
			return opening
		}
		t = change
	}
	return t
}

// untilWindow is how far the clock on the wall has to go from t to the
// beginning of the next window.
func (h *Hours) untilWindow(t time.Time) time.Duration {
	minute, least := h.minute(t), minutesOfWeek
	for _, w := range h.windows {
		least = min(least, (w.from-minute+minutesOfWeek-1)%minutesOfWeek+1)
	}
	local := t.In(h.zone)
	gone := time.Duration(local.Second())*time.Second + time.Duration(local.Nanosecond())
	return time.Duration(least)*time.Minute - gone
}

func (h *Hours) minute(t time.Time) int {
	local := t.In(h.zone)
	return weekday(local)*minutesOfDay + local.Hour()*60 + local.Minute()
}

// weekday counts from Monday.
func weekday(t time.Time) int { return (int(t.Weekday()) + 6) % 7 }

func readDays(span string) ([]int, error) {
	var which []int
	for part := range strings.SplitSeq(span, ",") {
		first, last, ranged := strings.Cut(strings.TrimSpace(strings.ToLower(part)), "-")
		from, ok := days[first]
		if !ok {
			return nil, fmt.Errorf("%q is not a day: use mon, tue, wed, thu, fri, sat, sun, or a span such as mon-fri", first)
		}
		to := from
		if ranged {
			if to, ok = days[last]; !ok {
				return nil, fmt.Errorf("%q is not a day: use mon, tue, wed, thu, fri, sat, sun, or a span such as mon-fri", last)
			}
		}
		for d := from; ; d = (d + 1) % 7 {
			which = append(which, d)
			if d == to {
				break
			}
		}
	}
	return which, nil
}

func readWindow(text string) (from, to int, err error) {
	a, b, ok := strings.Cut(text, "-")
	if ok {
		from, ok = readClock(a)
	}
	if ok {
		to, ok = readClock(b)
	}
	if !ok || from == minutesOfDay || from == to {
		return 0, 0, fmt.Errorf("%q is not a window such as 09:00-18:00", text)
	}
	if to < from {
		to += minutesOfDay // over midnight
	}
	return from, to, nil
}

// clock is HH:MM; of the hour the first digit may be left out.
var clock = regexp.MustCompile(`^([0-9]{1,2}):([0-9]{2})$`)

// readClock reads HH:MM, 24:00 included.
func readClock(s string) (int, bool) {
	parts := clock.FindStringSubmatch(strings.TrimSpace(s))
	if parts == nil {
		return 0, false
	}
	h, _ := strconv.Atoi(parts[1]) // one or two digits
	m, _ := strconv.Atoi(parts[2])
	if m > 59 || h > 24 || h == 24 && m > 0 {
		return 0, false
	}
	return h*60 + m, true
}

package routing

import (
	"fmt"
	"sort"
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
type window struct{ from, to int }

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
	for span, text := range h.Week {
		which, err := readDays(span)
		if err != nil {
			return err
		}
		for part := range strings.SplitSeq(text, ",") {
			from, to, err := readWindow(strings.TrimSpace(part))
			if err != nil {
				return fmt.Errorf("%s: %w", span, err)
			}
			for _, day := range which {
				h.windows = append(h.windows, window{day*minutesOfDay + from, day*minutesOfDay + to})
			}
		}
	}
	sort.Slice(h.windows, func(i, j int) bool { return h.windows[i].from < h.windows[j].from })
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

// NextOpening is t itself when it is open then, otherwise the start of the
// first window after t. It walks the wall clock, so that a day of 23 or 25
// hours opens when the clock on the wall says so.
func (h *Hours) NextOpening(t time.Time) time.Time {
	if h.Open(t) {
		return t
	}
	local := t.In(h.zone)
	for day := 0; day <= 8; day++ {
		date := time.Date(local.Year(), local.Month(), local.Day()+day, 0, 0, 0, 0, h.zone)
		base := weekday(date) * minutesOfDay
		for _, w := range h.windows {
			if w.from < base || w.from >= base+minutesOfDay {
				continue
			}
			minute := w.from - base
			at := time.Date(date.Year(), date.Month(), date.Day(), minute/60, minute%60, 0, 0, h.zone)
			if at.After(t) {
				return at
			}
		}
	}
	return t // no window at all is excluded by Always; here every week has one
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

// readClock reads HH:MM, 24:00 included.
func readClock(s string) (int, bool) {
	var h, m int
	s = strings.TrimSpace(s)
	if n, err := fmt.Sscanf(s, "%d:%d", &h, &m); err != nil || n != 2 || len(s) < 4 || len(s) > 5 || s[len(s)-3] != ':' {
		return 0, false
	}
	if h < 0 || m < 0 || m > 59 || h > 24 || h == 24 && m > 0 {
		return 0, false
	}
	return h*60 + m, true
}

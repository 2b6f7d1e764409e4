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

// Hours are the working hours of a pool or a person: those of a week, and the
// days on which they do not hold. The zero value is always open, on holidays too.
type Hours struct {
	// Zone is an IANA time zone; empty: the zone of the company.
	Zone string `yaml:"zone"`
	// Week maps days ("mon", "sat,sun", "mon-fri") to windows ("09:00-18:00",
	// "09:00-13:00, 14:00-18:00", "22:00-06:00" over midnight). Empty: always open.
	Week map[string]string `yaml:"week"`
	// Holidays are those of the hours, which hold where a week is given; without a
	// country they stand on top of the company's.
	Holidays Holidays `yaml:"holidays"`

	zone     *time.Location
	windows  []window
	calendar *calendar
}

// window is a span of minutes of a week, Monday 00:00 being 0, or of a day; to
// may lie beyond the end of either. A window belongs to the day on which it
// begins: a night that begins before a holiday lasts into it, and one that would
// begin on it is none.
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
	h.zone, h.windows, h.calendar = fallback, nil, nil
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
	if err := h.overlap(); err != nil {
		return err
	}
	var err error
	h.calendar, err = h.Holidays.compile()
	return err
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
	today, minute := h.clock(t)
	in := func(w window) bool { return minute >= w.from && minute < w.to }
	if slices.ContainsFunc(h.on(today), in) {
		return true
	}
	minute += minutesOfDay
	return slices.ContainsFunc(h.on(today.plus(-1)), in)
}

// on are the windows that begin on a day, in minutes of that day.
func (h *Hours) on(day date) []window {
	if own, special := h.calendar.special(day); special {
		return own
	}
	begin := day.weekday() * minutesOfDay
	var list []window
	for _, w := range h.windows {
		if w.from >= begin && w.from < begin+minutesOfDay {
			list = append(list, window{w.from - begin, w.to - begin, w.text})
		}
	}
	return list
}

// NextOpening is t itself when it is open then, otherwise the first instant
// after t at which it is open. It goes by the clock on the wall: a window whose
// beginning a change of the clocks skips opens at the change, one that the
// clocks go through twice opens twice. Where it does not open for
// farthestDay days, because all of them are holidays, it is the end of these:
// whoever waits looks again.
func (h *Hours) NextOpening(t time.Time) time.Time {
	// Between two changes of the clocks the wall's clock runs evenly, so that
	// the way to the next window can be measured on it.
	for last := t.AddDate(0, 0, farthestDay); !h.Open(t); {
		way, found := h.untilWindow(t)
		if !found || t.After(last) {
			return last
		}
		opening := t.Add(way)
		_, change := t.In(h.zone).ZoneBounds()
		if change.IsZero() || opening.Before(change) {
			return opening
		}
		t = change
	}
	return t
}

// NextDay is when the first window opens of the next working day after that of t: a
// night that lasts at t is of the day on which it began. Zero: there are no hours, or
// no window begins within farthestDay days.
func (h *Hours) NextDay(t time.Time) time.Time {
	if h.Always() {
		return time.Time{}
	}
	today, minute := h.clock(t)
	if slices.ContainsFunc(h.on(today.plus(-1)), func(w window) bool { return minute+minutesOfDay < w.to }) {
		today = today.plus(-1)
	}
	for ahead := range farthestDay {
		day := today.plus(1 + ahead)
		if windows := h.on(day); len(windows) > 0 {
			first := slices.MinFunc(windows, func(a, b window) int { return a.from - b.from })
			return h.NextOpening(time.Date(day.year, day.month, day.day, 0, first.from, 0, 0, h.zone))
		}
	}
	return time.Time{}
}

// farthestDay is how many days ahead an opening or a closing is looked for: all
// the holidays of a year lie nearer.
const farthestDay = 400

// untilWindow is how far the clock on the wall has to go from t to the
// beginning of the next window; false when there is none.
func (h *Hours) untilWindow(t time.Time) (time.Duration, bool) {
	today, minute := h.clock(t)
	for ahead := range farthestDay {
		for _, w := range h.on(today.plus(ahead)) {
			if way := ahead*minutesOfDay + w.from - minute; way > 0 {
				return h.onTheWall(t, way), true
			}
		}
	}
	return 0, false
}

// onTheWall is how long the clock on the wall, which shows t, takes to the
// beginning of the minute that is as many minutes ahead.
func (h *Hours) onTheWall(t time.Time, minutes int) time.Duration {
	local := t.In(h.zone)
	gone := time.Duration(local.Second())*time.Second + time.Duration(local.Nanosecond())
	return time.Duration(minutes)*time.Minute - gone
}

// clock is the day and the minute of it that the clock on the wall shows.
func (h *Hours) clock(t time.Time) (date, int) {
	local := t.In(h.zone)
	return dateOf(local), local.Hour()*60 + local.Minute()
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

// clockText is HH:MM; of the hour the first digit may be left out.
var clockText = regexp.MustCompile(`^([0-9]{1,2}):([0-9]{2})$`)

// readClock reads HH:MM, 24:00 included.
func readClock(s string) (int, bool) {
	parts := clockText.FindStringSubmatch(strings.TrimSpace(s))
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

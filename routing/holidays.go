package routing

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rickar/cal/v2"
	"github.com/rickar/cal/v2/aa"
	"github.com/rickar/cal/v2/at"
	"github.com/rickar/cal/v2/be"
	"github.com/rickar/cal/v2/bg"
	"github.com/rickar/cal/v2/br"
	"github.com/rickar/cal/v2/ca"
	"github.com/rickar/cal/v2/ch"
	"github.com/rickar/cal/v2/cz"
	"github.com/rickar/cal/v2/de"
	"github.com/rickar/cal/v2/dk"
	"github.com/rickar/cal/v2/es"
	"github.com/rickar/cal/v2/fr"
	"github.com/rickar/cal/v2/gb"
	"github.com/rickar/cal/v2/gr"
	"github.com/rickar/cal/v2/hr"
	"github.com/rickar/cal/v2/ie"
	"github.com/rickar/cal/v2/it"
	"github.com/rickar/cal/v2/jp"
	"github.com/rickar/cal/v2/lt"
	"github.com/rickar/cal/v2/lv"
	"github.com/rickar/cal/v2/nl"
	"github.com/rickar/cal/v2/no"
	"github.com/rickar/cal/v2/nz"
	"github.com/rickar/cal/v2/pl"
	"github.com/rickar/cal/v2/ro"
	"github.com/rickar/cal/v2/ru"
	"github.com/rickar/cal/v2/se"
	"github.com/rickar/cal/v2/si"
	"github.com/rickar/cal/v2/sk"
	"github.com/rickar/cal/v2/ua"
	"github.com/rickar/cal/v2/us"
	"github.com/rickar/cal/v2/za"
)

// Holidays are the days of a year on which a week's hours do not hold.
type Holidays struct {
	// Country is whose public holidays are kept (ISO 3166), or NoHolidays; empty:
	// those of Days alone.
	Country string `yaml:"country"`
	// Days are own days, which go before the country's: "2026-12-31" or, every
	// year, "12-31"; DayClosed, DayOrdinary, or windows such as "10:00-14:00".
	Days map[string]string `yaml:"days"`
}

const (
	// NoHolidays in place of a country says that no day is special.
	NoHolidays = "none"
	// DayClosed is a day on which nobody works.
	DayClosed = "closed"
	// DayOrdinary is a day that has the hours of its weekday, holiday or not.
	DayOrdinary = "open"
)

// national are the public holidays of whole countries, without those of their
// parts: what the module has, and what it lacks.
var national = map[string][]*cal.Holiday{
	"AT": at.Holidays, "BE": be.Holidays, "BG": bg.Holidays, "BR": br.Holidays, "CA": ca.Holidays,
	"CH": ch.Holidays, "CZ": cz.Holidays, "DE": de.Holidays, "DK": dk.Holidays, "ES": es.Holidays, "FR": fr.Holidays,
	"GB": gb.Holidays, "GR": gr.Holidays, "HR": hr.Holidays, "IE": ie.Holidays, "IT": it.Holidays, "JP": jp.Holidays,
	"LT": lt.Holidays, "LV": lv.Holidays, "NL": nl.Holidays, "NO": no.Holidays, "NZ": nz.Holidays, "PL": poland(),
	"RO": ro.Holidays, "RU": russia(), "SE": se.Holidays, "SI": si.Holidays, "SK": sk.Holidays, "UA": ua.Holidays,
	"US": us.Holidays, "ZA": za.Holidays,
}

// russia completes the January of Labour Code art. 112: the 1st to the 8th. When
// one of these falls on a weekend the government moves it elsewhere, differently
// every year, which belongs in Holidays.Days.
func russia() []*cal.Holiday {
	days := slices.DeleteFunc(slices.Clone(ru.Holidays), func(h *cal.Holiday) bool { return h.Month == time.January })
	for day := 1; day <= 8; day++ {
		days = append(days, &cal.Holiday{Name: "Новогодние каникулы", Month: time.January, Day: day, Func: cal.CalcDayOfMonth})
	}
	return days
}

// poland has had Christmas Eve since 2025 (Dz.U. 2024 poz. 1965).
func poland() []*cal.Holiday {
	eve := aa.ChristmasDay.Clone(&cal.Holiday{Name: "Wigilia", StartYear: 2025})
	eve.Day = 24
	return append(slices.Clone(pl.Holidays), eve)
}

// Countries are those whose holidays are known.
func Countries() []string { return slices.Sorted(maps.Keys(national)) }

// date is a day of a calendar.
type date struct {
	year  int
	month time.Month
	day   int
}

func dateOf(t time.Time) date {
	y, m, d := t.Date()
	return date{y, m, d}
}

// plus is the date as many days on.
func (d date) plus(days int) date {
	return dateOf(time.Date(d.year, d.month, d.day+days, 12, 0, 0, 0, time.UTC))
}

// weekday counts from Monday.
func (d date) weekday() int { return weekday(time.Date(d.year, d.month, d.day, 12, 0, 0, 0, time.UTC)) }

// calendar knows the special days.
type calendar struct {
	country []*cal.Holiday
	own     map[date][]window // by their day; year 0 is every year; nil windows: DayOrdinary
	years   sync.Map          // of year: map[date]bool, the country's
}

// compile reads the holidays; nil: no day is special.
func (h *Holidays) compile() (*calendar, error) {
	if (h.Country == NoHolidays || h.Country == "") && len(h.Days) == 0 {
		return nil, nil
	}
	c := &calendar{own: map[date][]window{}}
	if h.Country != NoHolidays && h.Country != "" {
		known := false
		if c.country, known = national[h.Country]; !known {
			return nil, fmt.Errorf("the holidays of %q are not known: write `days`, or one of %s", h.Country, strings.Join(Countries(), " "))
		}
	}
	for _, day := range slices.Sorted(maps.Keys(h.Days)) {
		on, err := readDate(day)
		if err != nil {
			return nil, err
		}
		if c.own[on], err = readDay(h.Days[day]); err != nil {
			return nil, fmt.Errorf("%s: %w", day, err)
		}
	}
	return c, nil
}

func readDate(text string) (date, error) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return dateOf(t), nil
	}
	if t, err := time.Parse(time.DateOnly, "2024-"+text); err == nil { // a leap year
		return date{0, t.Month(), t.Day()}, nil
	}
	return date{}, fmt.Errorf("%q is no day: write 2026-12-31, or 12-31 for every year", text)
}

// readDay reads what an own day has for hours.
func readDay(text string) ([]window, error) {
	switch text {
	case DayClosed:
		return []window{}, nil
	case DayOrdinary:
		return nil, nil
	}
	var list []window
	for part := range strings.SplitSeq(text, ",") {
		from, to, err := readWindow(strings.TrimSpace(part))
		if err != nil {
			return nil, fmt.Errorf("%w; or closed, or open", err)
		}
		list = append(list, window{from, to, strings.TrimSpace(part)})
	}
	slices.SortFunc(list, func(a, b window) int { return a.from - b.from })
	for i := range list[1:] {
		if list[i+1].from < list[i].to {
			return nil, fmt.Errorf("%q and %q overlap", list[i].text, list[i+1].text)
		}
	}
	return list, nil
}

// special gives the hours of a day that is no ordinary one.
func (c *calendar) special(on date) (windows []window, special bool) {
	if c == nil {
		return nil, false
	}
	for _, key := range []date{on, {0, on.month, on.day}} {
		if windows, own := c.own[key]; own {
			return windows, windows != nil
		}
	}
	return nil, c.ofYear(on.year)[on]
}

// ofYear are the country's holidays of a year. They are worked out once: a
// verdict asks for them.
func (c *calendar) ofYear(year int) map[date]bool {
	if known, ok := c.years.Load(year); ok {
		return known.(map[date]bool)
	}
	days := map[date]bool{}
	for _, h := range c.country {
		for y := year - 1; y <= year+1; y++ { // a holiday may be kept in the year beside its own
			actual, observed := h.Calc(y)
			for _, t := range []time.Time{actual, observed} {
				if t.Year() == year {
					days[dateOf(t)] = true
				}
			}
		}
	}
	c.years.Store(year, days)
	return days
}

// Exception is a day on which hours are not those of its weekday.
type Exception struct {
	Day     string   // 2026-12-31
	Windows []string // when it is open nevertheless; none: closed
}

// Exceptions lists the days from t on, of as many days, on which the hours differ
// from those of the weekday, first to come first.
func (h *Hours) Exceptions(t time.Time, within int) []Exception {
	if h.Always() {
		return nil
	}
	plain := Hours{zone: h.zone, windows: h.windows}
	today, _ := h.clock(t)
	var list []Exception
	for ahead := range within {
		day := today.plus(ahead)
		own, usual := texts(h.on(day)), texts(plain.on(day))
		if !slices.Equal(own, usual) {
			list = append(list, Exception{fmt.Sprintf("%04d-%02d-%02d", day.year, day.month, day.day), own})
		}
	}
	return list
}

// texts are windows as they were written, without their days.
func texts(windows []window) []string {
	var list []string
	for _, w := range windows {
		words := strings.Fields(w.text)
		list = append(list, words[len(words)-1])
	}
	return list
}

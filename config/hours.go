package config

import (
	"maps"
	"slices"
	"strings"
	"time"

	"ringback/leads/told"
	"ringback/routing"
)

// checkOfficeHours checks hours that keep the company's holidays, unless they
// name another country or none; own days stand on top.
func (c *Config) checkOfficeHours(f *findings, at string, h *routing.Hours) {
	if own := h.Holidays; own.Country == "" {
		h.Holidays = routing.Holidays{Country: c.Holidays.Country, Days: map[string]string{}}
		maps.Copy(h.Holidays.Days, c.Holidays.Days)
		maps.Copy(h.Holidays.Days, own.Days)
	}
	c.checkHours(f, at, h)
}

// checkHours compiles hours, and where that fails says at which day.
func (c *Config) checkHours(f *findings, at string, h *routing.Hours) {
	checkHolidays(f, at+".holidays", &h.Holidays)
	err := h.Compile(c.zone)
	if err == nil {
		return
	}
	zoned := routing.Hours{Zone: h.Zone}
	if err := zoned.Compile(c.zone); err != nil {
		f.add(at+".zone", "%v", err)
		return
	}
	told := len(f.problems)
	for _, days := range slices.Sorted(maps.Keys(h.Week)) {
		one := routing.Hours{Week: map[string]string{days: h.Week[days]}}
		if err := one.Compile(c.zone); err != nil {
			f.add(below(at+".week", days), "%s", strings.TrimPrefix(err.Error(), days+": "))
		}
	}
	if len(f.problems) == told { // each day is well by itself
		f.add(at+".week", "%v", err)
	}
}

// checkHolidays says what is wrong with holidays, and takes it out of them, so
// that it is said once and not by all who keep them.
func checkHolidays(f *findings, at string, h *routing.Holidays) {
	if !strings.EqualFold(h.Country, routing.NoHolidays) {
		h.Country = strings.ToUpper(h.Country)
	}
	country := routing.Hours{Holidays: routing.Holidays{Country: h.Country}}
	if err := country.Compile(time.UTC); err != nil {
		f.add(at+".country", "%v", err)
		h.Country = ""
	}
	kept := map[string]string{}
	for _, day := range slices.Sorted(maps.Keys(h.Days)) {
		one := routing.Hours{Holidays: routing.Holidays{Days: map[string]string{day: h.Days[day]}}}
		if err := one.Compile(time.UTC); err != nil {
			f.add(below(at+".days", day), "%s", strings.TrimPrefix(err.Error(), day+": "))
			continue
		}
		kept[day] = h.Days[day]
	}
	h.Days = kept
}

// checkAlerts checks what people cannot choose otherwise.
func (c *Config) checkAlerts(f *findings) {
	for _, kind := range slices.Sorted(maps.Keys(c.Alerts)) {
		at := below("alerts", string(kind))
		oneOf(f, at, kind, told.Kinds...)
		if must := c.Alerts[kind].Must; must != "" && must != told.Immediately {
			f.add(at+".must", "%s is not known here: it is immediate, or left out", quoted(string(must)))
		}
	}
}

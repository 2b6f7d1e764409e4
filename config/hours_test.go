package config_test

import (
	"testing"
	"time"

	"ringback/routing"
)

// TestHolidaysAreTheCompanysWithOwnDaysOnTop: only who names a country, or none, keeps
// other holidays than the company.
func TestHolidaysAreTheCompanysWithOwnDaysOnTop(t *testing.T) {
	c := loaded(t, written(t, `
country: RU
zone: UTC
holidays: {country: RU, days: {"2026-06-01": closed, "2026-06-02": closed}}
asterisk:
  - {name: main, url: http://127.0.0.1:8088/, username: ringback, password_file: ari.password, inbound: {contexts: [from-trunk]}}
managers:
  - {login: anna, devices: ["101"], hours: {week: {mon-fri: "09:00-18:00"}, holidays: {days: {"2026-06-02": open, "2026-06-03": closed}}}}
  - {login: boss, devices: ["102"]}
pools:
  - {name: default, managers: [anna], supervisor: boss, hours: {week: {mon-fri: "09:00-18:00"}}}
  - {name: on_top, managers: [anna], supervisor: boss, hours: {week: {mon-fri: "09:00-18:00"}, holidays: {days: {"2026-06-02": open, "2026-06-03": closed}}}}
  - {name: polish, managers: [anna], supervisor: boss, hours: {week: {mon-fri: "09:00-18:00"}, holidays: {country: PL, days: {"2026-06-03": closed}}}}
  - {name: never, managers: [anna], supervisor: boss, hours: {week: {mon-fri: "09:00-18:00"}, holidays: none}}
database: ringback.db
`, password))
	d := c.Directory()
	// The 12th of June is Russia Day, the 4th Corpus Christi in Poland.
	for name, want := range map[string]struct {
		hours *routing.Hours
		shut  []int
	}{
		"the company's": {&d.Pool("default").Hours, []int{1, 2, 12}},
		"on top":        {&d.Pool("on_top").Hours, []int{1, 3, 12}},
		"a person's":    {&d.Manager("anna").Hours, []int{1, 3, 12}},
		"another's":     {&d.Pool("polish").Hours, []int{3, 4}},
		"none":          {&d.Pool("never").Hours, nil},
	} {
		shut := want.shut
		for day := 1; day <= 12; day++ {
			noon := time.Date(2026, 6, day, 12, 0, 0, 0, time.UTC)
			closed := noon.Weekday() == time.Saturday || noon.Weekday() == time.Sunday
			if len(shut) > 0 && shut[0] == day {
				closed, shut = true, shut[1:]
			}
			if want.hours.Open(noon) == closed {
				t.Errorf("%s: on the %d of June it is open: %v", name, day, closed)
			}
		}
	}
}

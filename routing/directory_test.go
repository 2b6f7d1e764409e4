package routing_test

import (
	"testing"
	"time"

	"ringback/routing"
)

func directory() *routing.Directory {
	return &routing.Directory{
		Lines: []routing.Line{
			{Name: "sales", PBX: "main", Numbers: []string{"74951000001", "+74951000001"}, Pool: "sales"},
			{Name: "branch", PBX: "north", Numbers: []string{"s"}, Pool: "gone"},
			{Name: "anywhere", Numbers: []string{"s"}},
		},
		Managers: []routing.Manager{
			{Login: "anna", Devices: []routing.Device{{PBX: "main", Endpoint: "101"}, {PBX: "main", Endpoint: "SIP/anna-mobile", Extension: "901"}}},
			{Login: "boris", Devices: []routing.Device{{PBX: "north", Endpoint: "PJSIP/101", Extension: "7101"}, {Endpoint: "IAX2/b"}}},
		},
		Pools: []routing.Pool{{Name: "sales"}, {Name: routing.DefaultPool}},
	}
}

func TestLinesAndTheirPools(t *testing.T) {
	d := directory()
	for _, c := range []struct {
		pbx        string
		spellings  []string
		line, pool string
	}{
		{"main", []string{"74951000001", "+74951000001"}, "sales", "sales"},
		{"main", []string{"84951000001", "+74951000001"}, "sales", "sales"}, // only the second is known
		{"north", []string{"74951000001"}, "", "default"},                   // another PBX
		{"north", []string{"s"}, "branch", "default"},                       // a pool that is gone
		{"main", []string{"s"}, "anywhere", "default"},
		{"main", []string{"", ""}, "", "default"},
		{"main", nil, "", "default"},
	} {
		l := d.Line(c.pbx, c.spellings...)
		name := ""
		if l != nil {
			name = l.Name
		}
		if name != c.line {
			t.Errorf("%s on %s: line %q, want %q", c.spellings, c.pbx, name, c.line)
		}
		if pool := d.PoolOf(l); pool == nil || pool.Name != c.pool {
			t.Errorf("%s on %s: pool %v, want %q", c.spellings, c.pbx, pool, c.pool)
		}
	}
	if p := (&routing.Directory{}).Pool("sales"); p != nil {
		t.Errorf("a directory without pools has the pool %v", p)
	}
}

func TestWhoHoldsAPhone(t *testing.T) {
	d := directory()
	for _, c := range []struct{ pbx, endpoint, login, shown string }{
		{"main", "PJSIP/101", "anna", "101"},
		{"main", "pjsip/101", "anna", "101"},
		{"main", "SIP/anna-mobile", "anna", "901"},
		{"north", "PJSIP/101", "boris", "7101"},
		{"main", "IAX2/b", "boris", "b"},
		{"main", "PJSIP/10", "", ""},
		{"main", "SIP/101", "", ""},
		{"", "", "", ""},
	} {
		m, device := d.Holder(c.pbx, c.endpoint)
		if m == nil {
			if c.login != "" || device != nil {
				t.Errorf("%s on %s is nobody's", c.endpoint, c.pbx)
			}
			continue
		}
		if m.Login != c.login || device.ShownAs() != c.shown {
			t.Errorf("%s on %s is %s's, shown as %s; want %s, %s", c.endpoint, c.pbx, m.Login, device.ShownAs(), c.login, c.shown)
		}
	}
}

func TestPeopleAndTheirDuty(t *testing.T) {
	d := directory()
	if m := d.Manager("boris"); m == nil || m.Login != "boris" {
		t.Errorf("boris is %v", m)
	}
	if m := d.Manager("clara"); m != nil {
		t.Errorf("clara is %v", m)
	}
	m := &routing.Manager{Hours: routing.Hours{Week: map[string]string{"mon": "09:00-10:00"}}}
	if err := m.Hours.Compile(time.UTC); err != nil {
		t.Fatal(err)
	}
	if monday := time.Date(2026, 6, 1, 9, 30, 0, 0, time.UTC); !m.OnDuty(monday) || m.OnDuty(monday.Add(time.Hour)) {
		t.Error("duty does not follow the hours")
	}
}

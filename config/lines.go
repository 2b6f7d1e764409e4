package config

import (
	"fmt"
	"slices"

	"ringback/leads/number"
	"ringback/routing"
)

// Plan says how numbers are written on a PBX; on one that is not configured, as
// in a recording from elsewhere, numbers are written as the company does.
func (c *Config) Plan(pbx string) *number.Plan {
	if plan := c.plans[pbx]; plan != nil {
		return plan
	}
	return c.home
}

// Plans are the plans of the configured PBXes, by name.
func (c *Config) Plans() map[string]*number.Plan { return c.plans }

// makePlans collects what is known about numbers once phones are checked: a
// phone's extension is never read as somebody's number.
func (c *Config) makePlans() {
	c.home = &number.Plan{Country: c.Country, Extensions: map[string]bool{}}
	c.plans = map[string]*number.Plan{}
	for i := range c.Asterisk {
		a := &c.Asterisk[i]
		plan := &number.Plan{Country: c.Country, Strip: a.Numbers.Strip, Extensions: map[string]bool{}}
		if a.Numbers.Country != "" {
			plan.Country = a.Numbers.Country
		}
		c.plans[a.Name] = plan
	}
	for i := range c.Managers {
		for j := range c.Managers[i].Devices {
			d := &c.Managers[i].Devices[j]
			c.home.Extensions[d.ShownAs()] = true
			if plan := c.plans[d.PBX]; plan != nil {
				plan.Extensions[d.ShownAs()] = true
			}
		}
	}
}

// checkLines checks the numbers that people dial.
func (c *Config) checkLines(f *findings) {
	var pools []string
	for _, p := range c.Pools {
		pools = append(pools, p.Name)
	}
	lines := newNames(f, "line")
	dialed := map[dialedNumber]*routing.Line{}
	for i := range c.Lines {
		l, at := &c.Lines[i], fmt.Sprintf("lines[%d]", i)
		lines.add(at+".name", l.Name)
		if len(c.Asterisk) > 0 {
			refer(f, at+".pbx", "PBX", l.PBX, "asterisk", c.pbxNames())
		}
		refer(f, at+".pool", "pool", l.Pool, "pools", pools)
		if len(l.Numbers) == 0 {
			f.missing(at+".numbers", "every spelling of the number that the trunk sends")
		}
		if l.Sound != "" {
			checkEntry(f, at+".sound", l.Sound, false)
		}
		c.checkDialed(f, at, l, dialed)
	}
}

// dialedNumber is a number as it arrives at a PBX, in E.164 where it has that form.
type dialedNumber struct{ pbx, number string }

// checkDialed sees that a number leads to one line, however it is written. A
// number's E.164 form joins its spellings, so that one spelling finds the line
// by every other.
func (c *Config) checkDialed(f *findings, at string, l *routing.Line, dialed map[dialedNumber]*routing.Line) {
	places := []string{l.PBX}
	if l.PBX == "" && len(c.Asterisk) > 0 {
		places = c.pbxNames()
	}
	for j, spelling := range slices.Clone(l.Numbers) {
		for _, pbx := range places {
			n, shown := dialedNumber{pbx, spelling}, quoted(spelling)
			if read := c.Plan(pbx).Read(spelling); read.Kind == number.E164 {
				n.number, shown = read.Value, read.Value
				if !slices.Contains(l.Numbers, n.number) {
					l.Numbers = append(l.Numbers, n.number)
				}
			}
			if owner, taken := dialed[n]; taken && owner != l {
				f.add(fmt.Sprintf("%s.numbers[%d]", at, j), "%s belongs to line %s too", shown, quoted(owner.Name))
				break
			}
			dialed[n] = l
		}
	}
}

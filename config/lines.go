package config

import (
	"fmt"
)

// checkLines checks the numbers that people dial.
func (c *Config) checkLines(f *findings) {
	var pools []string
	for _, p := range c.Pools {
		pools = append(pools, p.Name)
	}
	lines := newNames(f, "line")
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
	}
}

package config

import "ringback/leads/alert"

// readTemplates reads own texts of alerts. What is wrong with them keeps no
// daemon from working: alerts are said in the built-in words then.
func (c *Config) readTemplates(f *findings) {
	if c.Templates.Dir == "" {
		return
	}
	c.Templates.Texts, c.Templates.Faults = alert.ReadTemplates(c.Templates.Dir)
	for _, fault := range c.Templates.Faults {
		f.warn("templates.dir", "%s", fault)
	}
}

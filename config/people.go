package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"ringback/leads/alert/email"
	"ringback/leads/alert/gateway"
	"ringback/leads/number"
	"ringback/leads/text"
	"ringback/routing"
)

// checkManagers checks people and their phones.
func (c *Config) checkManagers(f *findings) {
	logins := newNames(f, "manager")
	phones := phones{c: c, findings: f, owner: map[string]phoneOwner{}}
	for i := range c.Managers {
		m, at := &c.Managers[i], fmt.Sprintf("managers[%d]", i)
		logins.add(at+".login", m.Login)
		if m.Login != "" && !login.MatchString(m.Login) {
			f.add(at+".login", "%s is no login: use letters, digits, and . _ @ - between them", quoted(m.Login))
		}
		if m.Name == "" {
			m.Name = m.Login
		}
		for j := range m.Devices {
			phones.check(fmt.Sprintf("%s.devices[%d]", at, j), m.Login, &m.Devices[j])
		}
		oneOf(f, at+".ring", m.Ring, routing.RingTogether, routing.RingInTurn)
		c.checkOfficeHours(f, at+".hours", &m.Hours)
		oneOf(f, at+".role", m.Role, routing.Plain, routing.Supervisor, routing.Admin)
		oneOf(f, at+".language", text.Language(m.Language), text.Languages...)
		c.checkReach(f, at, m)
	}
	if len(c.Managers) == 0 {
		f.missing("managers", "there is nobody to call back")
	}
}

// chatID is the id of a private chat of Telegram: those of groups are negative.
var chatID = regexp.MustCompile(`^[1-9][0-9]{0,15}$`)

// checkReach checks by which channels a person is told.
func (c *Config) checkReach(f *findings, at string, m *routing.Manager) {
	if m.Email != "" {
		if a, err := email.Address(m.Email); err != nil || a.Address != m.Email {
			f.add(at+".email", "%s is no address such as anna@example.com", quoted(m.Email))
		}
	}
	if m.Mobile != "" {
		n := (&number.Plan{Country: c.Country}).Read(m.Mobile)
		if n.Kind != number.E164 {
			f.add(at+".mobile", "%s is no number such as +79161234567", quoted(m.Mobile))
		} else {
			m.Mobile = n.Value
		}
	}
	if m.Telegram != "" && !chatID.MatchString(m.Telegram) {
		f.add(at+".telegram", "%s is no id of a private chat: digits alone, as the bot tells them to who writes /start to it", quoted(m.Telegram))
	}
	all := c.Channels.Names()
	for i, name := range m.Channels {
		refer(f, fmt.Sprintf("%s.channels[%d]", at, i), "channel", name, "channels", all)
	}
	// What a channel needs to know of a person, and whether it does.
	needs := map[string]struct {
		key   string
		known bool
	}{
		SIPChannel:   {"devices", len(m.Devices) > 0 || f.doubtful[at+".devices"]},
		EmailChannel: {"email", m.Email != "" || f.doubtful[at+".email"]},
	}
	for _, h := range c.Channels.HTTP {
		switch need := needs[h.Name]; h.Needs {
		case gateway.Mobile:
			need.key, need.known = "mobile", m.Mobile != "" || f.doubtful[at+".mobile"]
			needs[h.Name] = need
		case gateway.Email:
			needs[h.Name] = needs[EmailChannel]
		}
	}
	used, chosen := m.Channels, len(m.Channels) > 0
	if !chosen {
		used = all
	}
	var lacks, reaching []string
	for _, name := range used {
		need, needy := needs[name]
		if !needy || need.known {
			reaching = append(reaching, name)
			continue
		}
		lacks = append(lacks, need.key)
		if chosen {
			f.add(at+".channels", "holds %q, but %s has no %s", name, quoted(m.Login), need.key)
		}
	}
	switch {
	case len(lacks) == 0 || chosen:
	case len(reaching) == 0:
		f.warn(at, "%s has no %s: no alert reaches them", quoted(m.Login), strings.Join(lacks, " and no "))
	default:
		f.warn(at, "%s has no %s: alerts reach them by %s alone", quoted(m.Login), strings.Join(lacks, " and no "), strings.Join(reaching, " and "))
	}
}

// phones sees that a phone belongs to one person.
type phones struct {
	*findings
	c     *Config
	owner map[string]phoneOwner // by PBX and address, and by PBX and extension
}

type phoneOwner struct{ login, at string }

func (p *phones) check(at, login string, d *routing.Device) {
	p.place(at, d)
	switch {
	case d.Endpoint == "":
		p.missing(at+".endpoint", `the phone as Asterisk names it, such as "PJSIP/101"`)
		return
	case !endpoint.MatchString(d.Endpoint):
		p.add(at+".endpoint", `%s is no endpoint: write it as Asterisk names it, such as "PJSIP/101"`, quoted(d.Endpoint))
		return
	}
	if d.Extension != "" && !endpoint.MatchString(d.Extension) {
		p.add(at+".extension", "%s is not what one dials to ring a phone", quoted(d.Extension))
		return
	}
	if !p.take(at, login, d.PBX+" address "+strings.ToLower(d.Address()), d.Address()) {
		return
	}
	p.take(at, login, d.PBX+" extension "+d.ShownAs(), d.ShownAs())
}

// take gives a phone to its owner; false, with a problem, when it has one.
func (p *phones) take(at, login, key, shown string) bool {
	owner, taken := p.owner[key]
	switch {
	case !taken:
		p.owner[key] = phoneOwner{login, at}
	case owner.login == login:
		p.add(at, "%s stands in %s already", shown, owner.at)
	default:
		p.add(at, "%s belongs to manager %s too", shown, quoted(owner.login))
	}
	return !taken
}

// place sees on which PBX a phone is; the only one need not be named.
func (p *phones) place(at string, d *routing.Device) {
	known := p.c.pbxNames()
	switch {
	case d.PBX != "" && len(known) > 0:
		refer(p.findings, at+".pbx", "PBX", d.PBX, "asterisk", known)
	case d.PBX == "" && len(known) == 1:
		d.PBX = known[0]
	case d.PBX == "" && len(known) > 1:
		p.missing(at+".pbx", "there are several: "+strings.Join(known, ", "))
	}
}

func (c *Config) pbxNames() []string {
	var known []string
	for _, a := range c.Asterisk {
		if a.Name != "" {
			known = append(known, a.Name)
		}
	}
	return known
}

// checkPools checks who is responsible, when, and how it goes on.
func (c *Config) checkPools(f *findings) {
	var logins []string
	for _, m := range c.Managers {
		logins = append(logins, m.Login)
	}
	pools := newNames(f, "pool")
	for i := range c.Pools {
		p, at := &c.Pools[i], fmt.Sprintf("pools[%d]", i)
		pools.add(at+".name", p.Name)
		checkTeam(f, at, p, logins)
		oneOf(f, at+".absence", p.Absence, routing.Keep, routing.HandOn)
		oneOf(f, at+".pick", p.Pick, routing.RoundRobin, routing.Random, routing.LeastOpen)
		checkLadder(f, at+".ladder", &p.Ladder)
		if c.Mode == Act {
			warnOfSilence(f, at+".ladder.rungs", p)
		}
		if p.CallerID != "" && !callerID.MatchString(p.CallerID) {
			f.add(at+".caller_id", "%s is no number to show: write it in digits, as the trunk wants it", quoted(p.CallerID))
		}
		checkReasons(f, at+".leads", p)
		c.checkOfficeHours(f, at+".hours", &p.Hours)
		p.Handled, p.Block = c.Missed.Handled, c.Missed.Block
	}
	if _, given := pools.taken[routing.DefaultPool]; !given && !f.doubtful["pools"] && !f.unnamed["pools"] {
		f.add("pools", "there must be one named %q: it takes the calls of lines that belong to no other", routing.DefaultPool)
	}
}

func checkTeam(f *findings, at string, p *routing.Pool, logins []string) {
	seen := map[string]bool{}
	for i, login := range p.Managers {
		here := fmt.Sprintf("%s.managers[%d]", at, i)
		refer(f, here, "manager", login, "managers", logins)
		if login != "" && seen[login] {
			f.add(here, "manager %s is in this pool already", quoted(login))
		}
		seen[login] = true
	}
	if len(p.Managers) == 0 {
		f.missing(at+".managers", "nobody would call back")
	}
	refer(f, at+".supervisor", "manager", p.Supervisor, "managers", logins)
	if p.Supervisor == "" {
		f.missing(at+".supervisor", "the login of the manager who is told when nothing happens")
	}
}

func checkLadder(f *findings, at string, l *routing.Ladder) {
	for i := range l.Rungs {
		rung, here := &l.Rungs[i], fmt.Sprintf("%s.rungs[%d]", at, i)
		if rung.Tell == "" {
			f.missing(here+".tell", fmt.Sprintf("%s or %s", routing.TellManager, routing.TellSupervisor))
		}
		oneOf(f, here+".tell", rung.Tell, routing.Tells...)
		if i > 0 && rung.After < l.Rungs[i-1].After {
			f.add(here+".after", "%s is before the rung above it, %s: order them by time",
				durationText(rung.After), durationText(l.Rungs[i-1].After))
		}
	}
}

// warnOfSilence warns of a ladder that leaves a missed call to chance although
// people are to be told.
func warnOfSilence(f *findings, at string, p *routing.Pool) {
	tellsSupervisor := func(r routing.Rung) bool { return r.Tell == routing.TellSupervisor }
	switch {
	case len(p.Ladder.Rungs) == 0:
		f.warn(at, "is empty: although mode is act, NOBODY is told of the calls that pool %s misses", quoted(p.Name))
	case !slices.ContainsFunc(p.Ladder.Rungs, tellsSupervisor):
		f.warn(at, "holds no rung that tells the supervisor: when the manager does nothing, nobody hears of it")
	}
}

func checkReasons(f *findings, at string, p *routing.Pool) {
	missed := routing.Reasons[routing.Missed]
	reasons := make([]string, 0, len(p.Leads))
	for r := range p.Leads {
		reasons = append(reasons, string(r))
	}
	slices.Sort(reasons)
	for _, r := range reasons {
		oneOf(f, below(at, r), routing.Reason(r), missed...)
	}
}

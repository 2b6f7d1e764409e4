package cdr

import (
	"slices"
	"strings"
	"time"

	"ringback/ari/call"
)

// desk is where the rows of a log are sorted into groups that tell of each other.
type desk struct {
	Judge
	inbound, trunks, phones map[string]bool
	house                   map[string]bool // contexts in which phones dial

	records []Record
	events  []Event
	queue   map[string][]QueueEvent // by call

	parent []int // of the records, then of the events: see join
}

// rounding is how far two moments that were one may be apart in records of whole
// seconds, and in a channel event log that a database keeps.
const rounding = 2 * time.Second

func newDesk(j Judge, log *Log) *desk {
	d := &desk{Judge: j, inbound: set(j.Options.Inbound), trunks: set(j.Options.Trunks), phones: set(j.Options.Phones),
		records: slices.Clone(log.Records), events: slices.Clone(log.Events), queue: map[string][]QueueEvent{}, house: map[string]bool{}}
	for i := range d.records {
		r := &d.records[i]
		for _, at := range []*time.Time{&r.Start, &r.Answer, &r.End} {
			if !at.IsZero() {
				*at = at.Add(j.Offset)
			}
		}
		if r.End.Before(r.Start) {
			r.End = r.Start // the clock was set back
		}
	}
	for i := range d.events {
		d.events[i].At = d.events[i].At.Add(j.Offset)
	}
	slices.SortFunc(d.records, func(a, b Record) int { return byTime(&a, &b) })
	d.records = slices.CompactFunc(d.records, func(a, b Record) bool { return byTime(&a, &b) == 0 })
	slices.SortStableFunc(d.events, func(a, b Event) int { return a.At.Compare(b.At) })
	for _, q := range log.Queue {
		q.At = q.At.Add(j.Offset)
		d.queue[q.Call] = append(d.queue[q.Call], q)
	}
	for _, list := range d.queue {
		slices.SortStableFunc(list, func(a, b QueueEvent) int { return a.At.Compare(b.At) })
	}
	d.learn()
	return d
}

func set(list []string) map[string]bool {
	m := map[string]bool{}
	for _, s := range list {
		m[s] = true
	}
	return m
}

// learn finds out which endpoints are trunks: those by which somebody came in, and
// those by which numbers were dialed.
func (d *desk) learn() {
	for i := range d.records {
		r := &d.records[i]
		endpoint, ok := call.Endpoint(r.Channel)
		_, name, _ := strings.Cut(endpoint, "/")
		if ok && d.inbound[r.Context] && !outgoing(r.App) && r.Dialed != "" && r.Source != "" && r.Source != name {
			d.trunk(endpoint)
		}
		if (d.phones[endpoint] || strings.HasPrefix(r.Context, "from-internal")) && !d.inbound[r.Context] && !outgoing(r.App) {
			d.house[r.Context] = true
		}
		if endpoint, ok := call.Endpoint(r.Peer); ok && len(numbersBy(r, endpoint)) > 0 {
			d.trunk(endpoint)
		}
	}
	for i := range d.events {
		e := &d.events[i]
		if endpoint, ok := call.Endpoint(e.Channel); ok && e.Type == chanStart && d.inbound[e.Context] {
			d.trunk(endpoint)
		}
	}
}

func (d *desk) trunk(endpoint string) {
	if len(d.inbound) > 0 && !d.phones[endpoint] {
		d.trunks[endpoint] = true
	}
}

// outgoing says that an application is what Asterisk writes of a leg that it has
// placed.
func outgoing(app string) bool {
	app = strings.ToLower(app)
	return strings.HasPrefix(app, "appdial") || strings.HasPrefix(app, "appqueue")
}

// groups are the rows that tell of each other: by the linked id, by a channel's
// id, by a bridge, and by the names of channels. Names return after a restart of
// the PBX: they join only what belongs to the same time.
func (d *desk) groups() []*group {
	d.parent = make([]int, len(d.records)+len(d.events))
	for i := range d.parent {
		d.parent[i] = i
	}
	keys := map[string]int{}
	join := func(kind, key string, i int) {
		if key == "" {
			return
		}
		if other, ok := keys[kind+key]; ok {
			d.join(other, i)
		} else {
			keys[kind+key] = i
		}
	}
	var names []mention
	for i := range d.records {
		r := &d.records[i]
		join("channel ", r.UniqueID, i)
		join("linked ", r.LinkedID, i)
		join("channel ", r.LinkedID, i)
		names = append(names, mention{r.Channel, r.Start, r.End, i}, mention{r.Peer, r.Start, r.End, i})
	}
	for i := range d.events {
		e := &d.events[i]
		n := len(d.records) + i
		join("channel ", e.UniqueID, n)
		join("channel ", e.LinkedID, n)
		join("bridge ", bridgeOf(e).ID, n)
		names = append(names, mention{e.Channel, e.At, e.At, n})
	}
	d.joinNames(names)
	return d.collect()
}

// mention is a channel's name in a row.
type mention struct {
	name     string
	from, to time.Time
	row      int
}

func (d *desk) joinNames(names []mention) {
	last := map[string]mention{}
	for i := range names {
		if other := call.OtherHalf(names[i].name); strings.HasSuffix(other, ";1") {
			names[i].name = other // a pair is one
		}
	}
	slices.SortStableFunc(names, func(a, b mention) int { return a.from.Compare(b.from) })
	for _, m := range names {
		if m.name == "" {
			continue
		}
		before, ok := last[m.name]
		if ok && m.from.Sub(before.to) <= rounding {
			d.join(before.row, m.row)
		}
		if ok && before.to.After(m.to) {
			m.to = before.to
		}
		last[m.name] = m
	}
}

func (d *desk) root(i int) int {
	for d.parent[i] != i {
		d.parent[i] = d.parent[d.parent[i]]
		i = d.parent[i]
	}
	return i
}

func (d *desk) join(a, b int) { d.parent[d.root(b)] = d.root(a) }

func (d *desk) collect() []*group {
	byRoot := map[int]*group{}
	var list []*group
	of := func(i int) *group {
		root := d.root(i)
		if byRoot[root] == nil {
			byRoot[root] = &group{desk: d, byID: map[string]*channel{}, byName: map[string]*channel{}, peers: map[string][]*Record{}}
			list = append(list, byRoot[root])
		}
		return byRoot[root]
	}
	for i := range d.records {
		of(i).takeRecord(&d.records[i])
	}
	for i := range d.events {
		of(len(d.records) + i).takeEvent(&d.events[i])
	}
	return list
}

package view

import (
	"context"
	"database/sql"
	"encoding/json"

	"ringback/leads"
	"ringback/leads/db"
)

// Entry is one line of a timeline. Who, Channel and Detail may hold text from
// outside.
type Entry struct {
	At      leads.Stamp `json:"at"`
	Kind    string      `json:"kind"` // one of leads.Entry… or appointments.Entry…
	Who     string      `json:"who"`  // login or phone it is about
	Channel string      `json:"channel"`
	Detail  string      `json:"detail"`
	// Actor is the login of the person who did it, where Who is another.
	Actor string `json:"actor"`
	Lead  *int64 `json:"lead"`
	// Changes are for pages; Detail names their fields.
	Changes []leads.Change `json:"-"`
	id      int64
}

// MaxTimeline is how many entries of a timeline are read at once.
const MaxTimeline = 200

const (
	entryColumns         = "SELECT at, kind, who, channel, detail, actor, lead, changes, id FROM timeline"
	leadTimelineQuery    = entryColumns + " WHERE lead = $1 AND id < $2 ORDER BY id DESC LIMIT $3"
	contactTimelineQuery = entryColumns + " WHERE contact = $1 AND id < $2 ORDER BY id DESC LIMIT $3"
)

// timeline reads the entries of a lead, contact or appointment, the newest first,
// from a cursor on.
func (v *View) timeline(ctx context.Context, query string, of int64, cursor string) (List[Entry], error) {
	from, err := readCursor("timeline", cursor)
	if err != nil {
		return List[Entry]{}, err
	}
	entries, err := collect(ctx, v.db, scanEntry, query, of, from.id, MaxTimeline+1)
	if err != nil {
		return List[Entry]{}, failed("timeline", err)
	}
	return cut(entries, MaxTimeline, "timeline", func(e *Entry) place { return place{id: e.id} }), nil
}

// newest are the newest entries.
func (v *View) newest(ctx context.Context, query string, of int64) ([]Entry, error) {
	list, err := v.timeline(ctx, query, of, "")
	return list.Items, err
}

func scanEntry(row scanner) (Entry, error) {
	var e Entry
	var at int64
	var lead sql.NullInt64
	var changes string
	err := row.Scan(&at, &e.Kind, &e.Who, &e.Channel, &e.Detail, &e.Actor, &lead, &changes, &e.id)
	if err == nil && changes != "" {
		err = json.Unmarshal([]byte(changes), &e.Changes)
	}
	e.At, e.Lead = leads.Stamp{Time: db.Time(at)}, id(lead)
	e.Who, e.Actor = leads.Clip(e.Who), leads.Clip(e.Actor)
	if e.Kind != leads.EntryNoted { // whose length was bounded when it was written
		e.Detail = leads.Clip(e.Detail)
	}
	return e, err
}

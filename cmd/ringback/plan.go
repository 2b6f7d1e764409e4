package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"ringback/config"
	"ringback/leads/db"
	"ringback/leads/dials"
	"ringback/robotcall"
)

type planCommand struct {
	Hours int  `help:"How many hours to look ahead." default:"12" placeholder:"N"`
	JSON  bool `help:"Print one JSON line for each call." name:"json"`
}

// Validate is asked by kong.
func (c *planCommand) Validate() error {
	if c.Hours < 1 || c.Hours > 24*31 {
		return errors.New("--hours is from 1 to 744, which is 31 days")
	}
	return nil
}

// Run says what would be dialed in the next hours and why each other call would
// not. It only reads, beside a daemon that runs or where none does.
func (c *planCommand) Run(w *world) error {
	cfg, err := config.Load(w.config)
	if err != nil {
		return err
	}
	var list []*promise
	var now time.Time
	err = db.Peek(w.ctx, cfg.Database, func(tx *db.Tx) (err error) {
		now = tx.Now()
		list, err = foresee(tx, cfg, now.Add(time.Duration(c.Hours)*time.Hour))
		return err
	})
	if err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	p := plan{now: now, until: now.Add(time.Duration(c.Hours) * time.Hour), zone: cfg.Location(), ring: cfg.Robot.Ring}
	p.decide(cfg.Rules(), list)
	if c.JSON {
		return p.printJSON(w.stdout)
	}
	return p.print(w.stdout)
}

// plan is what will happen to the calls that are promised.
type plan struct {
	now, until time.Time
	zone       *time.Location
	ring       time.Duration
	// inHand are dialed now, or talk. dialed are in the order in which they would
	// be, the others in that in which they are due.
	inHand, dialed, not []*promise
}

// decide plays the calls that nothing but the rules decides about.
func (p *plan) decide(rules *robotcall.Rules, list []*promise) {
	var ahead []*robotcall.Ahead
	for _, one := range list {
		if one.Not == "" && !one.InHand {
			ahead = append(ahead, &one.Ahead)
		}
	}
	rules.Forecast(ahead, p.now, p.until, p.ring)
	for _, one := range list {
		switch {
		case one.InHand:
			one.Not, one.Why = inHand, "it is being dialed, or goes on"
		case one.Reason != "":
			one.Not, one.Why = string(one.Reason), robotcall.Words[one.Reason]
		case one.Not == "":
			one.Not, one.Why = one.Waits, one.For
		}
		switch {
		case one.InHand:
			p.inHand = append(p.inHand, one)
		case !one.At.IsZero() && one.At.Before(p.until):
			p.dialed = append(p.dialed, one)
		default:
			p.not = append(p.not, one)
		}
	}
	slices.SortStableFunc(p.dialed, func(a, b *promise) int { return a.At.Compare(b.At) })
	slices.SortStableFunc(p.not, func(a, b *promise) int { return a.Due.Compare(b.Due) })
}

// print shows it to people.
func (p *plan) print(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for i, one := range p.inHand {
		if i == 0 {
			fmt.Fprintf(table, "In hand now: %d\n\nCALL\tABOUT\n", len(p.inHand))
		}
		fmt.Fprintf(table, "%s\t%s\n", one.to(), one.about())
		if i == len(p.inHand)-1 {
			fmt.Fprintln(table)
		}
	}
	fmt.Fprintf(table, "Would be dialed until %s, if each takes %s and nobody does anything before: %d\n", p.time(p.until), p.ring, len(p.dialed))
	if len(p.dialed) > 0 {
		fmt.Fprint(table, "\nAT\tCALL\tABOUT\tWAITS BECAUSE\n")
	}
	for _, one := range p.dialed {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", p.time(one.At), one.to(), one.about(), one.Why)
	}
	if len(p.not) > 0 {
		fmt.Fprintf(table, "\nWould not be dialed: %d\n\nDUE\tCALL\tABOUT\tNOT BEFORE\tBECAUSE\n", len(p.not))
	}
	for _, one := range p.not {
		later := "never"
		if !one.At.IsZero() {
			later = p.time(one.At)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", p.time(one.Due), one.to(), one.about(), later, one.Why)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	return nil
}

func (p *plan) time(t time.Time) string { return t.In(p.zone).Format("Mon 2 Jan 15:04:05") }

// to says who would be dialed.
func (one *promise) to() string {
	switch {
	case one.Kind == dials.Reminder:
		return "client " + one.Number
	case one.Who == "":
		return "the next manager"
	}
	return "manager " + one.Who
}

// about says what it is about.
func (one *promise) about() string {
	if one.Kind == dials.Reminder {
		return "reminder " + strconv.FormatInt(one.Reminder, 10)
	}
	var leads []string
	for _, id := range one.Leads {
		leads = append(leads, strconv.FormatInt(id, 10))
	}
	if len(leads) == 0 {
		return ""
	}
	return "lead " + strings.Join(leads, ", ")
}

// planLine is a call in JSON. At is when it would be dialed, also where that is
// after the hours that were asked for, and null for never.
type planLine struct {
	At       *time.Time `json:"at"`
	Due      time.Time  `json:"due"`
	Dialed   bool       `json:"dialed"`
	InHand   bool       `json:"in_hand"`
	Kind     dials.Kind `json:"kind"`
	Number   string     `json:"number"`
	Manager  string     `json:"manager"`
	Leads    []int64    `json:"leads"`
	Reminder int64      `json:"reminder"`
	Reason   string     `json:"reason"`
	Why      string     `json:"why"`
}

// printJSON shows it to machines.
func (p *plan) printJSON(out io.Writer) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for i, one := range slices.Concat(p.dialed, p.not, p.inHand) {
		line := planLine{Due: one.Due, Dialed: i < len(p.dialed), InHand: one.InHand, Kind: one.Kind, Number: one.Number, Manager: one.Who,
			Leads: append([]int64{}, one.Leads...), Reminder: one.Reminder, Reason: one.Not, Why: one.Why}
		if !one.At.IsZero() {
			line.At = &one.At
		}
		if err := enc.Encode(line); err != nil {
			return fmt.Errorf("plan: %w", err)
		}
	}
	return nil
}

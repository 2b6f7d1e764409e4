package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"ringback/ari"
	"ringback/config"
	"ringback/leads"
	"ringback/leads/alert"
	"ringback/leads/alert/page"
	"ringback/leads/alert/sipmsg"
	"ringback/leads/db"
	"ringback/leads/told"
	"ringback/routing"
)

type alertCommand struct {
	Test alertTestCommand `cmd:"" help:"Send a test, whatever the mode, and say in plain words what became of it."`
}

type alertTestCommand struct {
	Channel string `arg:"" help:"The channel, as the configuration names it: sip, email, telegram, page, or the name of a gateway or webhook."`
	To      string `help:"The login of the person. Without it: the first administrator or supervisor whom the channel reaches." placeholder:"LOGIN"`
	JSON    bool   `help:"Print one JSON object." name:"json"`
}

// wantedTest is a test that is to be sent. Without To, whoever looks after alerts
// gets it.
type wantedTest struct {
	Channel string `json:"channel"`
	To      string `json:"to"`
}

// tested is what became of it.
type tested struct {
	wantedTest
	Outcome alert.Outcome `json:"outcome"`
	Detail  string        `json:"detail,omitempty"`
	Do      string        `json:"do,omitempty"`
	// Templates are own texts that cannot be used.
	Templates []string `json:"broken_templates,omitempty"`
}

var alertTest = errand[wantedTest, tested]{"alert-test", sendTest}

// sendTest sends a test by the daemon's own channels, or, where none runs, by the
// same ones opened for it.
func sendTest(ctx context.Context, at *premises, w wantedTest) (tested, error) {
	person := at.cfg.Directory().Manager(w.To)
	switch {
	case !slices.Contains(at.cfg.Channels.Names(), w.Channel):
		return tested{}, fmt.Errorf("there is no channel %q: the configuration has %s", w.Channel, strings.Join(at.cfg.Channels.Names(), ", "))
	case person == nil && w.To != "":
		return tested{}, fmt.Errorf("there is nobody with the login %q under managers", w.To)
	}
	ladder, out, end, err := at.ladder(ctx)
	if err != nil {
		return tested{}, err
	}
	defer end()
	if w.To == "" {
		if w.To, err = looksAfter(at.cfg.Directory(), out.named, w.Channel); err != nil {
			return tested{}, err
		}
	}
	desk := told.New(told.Config{Directory: at.cfg.Directory(), Zone: at.cfg.Location(), Chosen: at.people.Speaks, Language: at.cfg.Language})
	language, err := desk.Speaks(ctx, at.db.Reader(), w.To)
	if err != nil {
		return tested{}, err
	}
	t := tested{wantedTest: w}
	if t.Outcome, t.Detail, err = ladder.Try(ctx, w.Channel, w.To, language); err != nil {
		return tested{}, err
	}
	t.Do = whatToDo[t.Outcome]
	for _, fault := range at.cfg.Templates.Faults {
		t.Templates = append(t.Templates, fault.String())
	}
	if w.Channel == config.TelegramChannel && out.chats.Of(w.To) == 0 {
		if t.Do, err = introduction(ctx, at.db, out, w.To); err != nil {
			return tested{}, err
		}
	}
	return t, nil
}

// looksAfter is who gets a test for which nobody is named: the first whom the
// channel reaches of the administrators, of the company's supervisors and of those
// of pools.
func looksAfter(d *routing.Directory, channels []alert.Named, name string) (string, error) {
	channel := channels[slices.IndexFunc(channels, func(ch alert.Named) bool { return ch.Name == name })]
	const none = 3
	rank := func(m *routing.Manager) int {
		switch {
		case m.Role == routing.Admin:
			return 0
		case m.Role == routing.Supervisor:
			return 1
		case slices.ContainsFunc(d.Pools, func(p routing.Pool) bool { return p.Supervisor == m.Login }):
			return 2
		}
		return none
	}
	var reached []string
	first, best := "", none
	for i := range d.Managers {
		m := &d.Managers[i]
		if channel.Reaches != nil && !channel.Reaches(m) {
			continue
		}
		reached = append(reached, m.Login)
		if r := rank(m); r < best {
			first, best = m.Login, r
		}
	}
	switch {
	case first != "":
		return first, nil
	case len(reached) == 0:
		return "", fmt.Errorf("%s reaches nobody yet: name somebody with --to, and the answer says what they lack", name)
	}
	return "", fmt.Errorf("%s reaches no administrator and no supervisor: name one of %s with --to", name, strings.Join(reached, ", "))
}

// ladder is the daemon's own, or one with the same channels; end closes them.
func (at *premises) ladder(ctx context.Context) (*alert.Ladder, *outlets, func(), error) {
	if at.daemon != nil {
		return at.daemon.ladder, at.daemon.outlets, func() {}, nil
	}
	phones := map[string]sipmsg.PBX{}
	var clients []*ari.Client
	for i := range at.cfg.Asterisk {
		client, err := ari.NewClient(at.cfg.Asterisk[i].ARI())
		if err != nil {
			return nil, nil, nil, err
		}
		phones[at.cfg.Asterisk[i].Name] = client
		clients = append(clients, client)
	}
	office := at.cfg.Office()
	desk := told.New(told.Config{Directory: office.Directory, Zone: at.cfg.Location(), Chosen: at.people.Speaks, Language: at.cfg.Language})
	nobodyLooks := func(context.Context, string, page.Notice) bool { return false }
	out, err := openOutlets(ctx, backing{at.cfg, at.db, leads.NewBook(leads.BookConfig{DB: at.db, Office: office}), desk, phones, nobodyLooks, slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, nil, nil, err
	}
	ladder := alert.New(alert.Config{Office: office, Channels: out.named, Mode: alert.Act, PublicURL: at.cfg.PublicURL, Language: at.cfg.Language, Zone: at.cfg.Location()})
	return ladder, out, func() {
		out.Close()
		for _, c := range clients {
			c.Close()
		}
	}, nil
}

// introduction says how a person tells the bot who they are.
func introduction(ctx context.Context, store *db.DB, out *outlets, login string) (string, error) {
	how, err := out.introduce(ctx, store, login)
	switch {
	case err != nil:
		return "", err
	case how.Link == "":
		return fmt.Sprintf("have %s write to the bot: /start %s (good for an hour, once)", login, how.Code), nil
	}
	return fmt.Sprintf("have %s open %s and press Start (good for an hour, once)", login, how.Link), nil
}

// whatToDo is what an outcome means for who has tested.
var whatToDo = map[alert.Outcome]string{
	alert.Sent:        "the channel has taken it: see whether it has come",
	alert.Unreachable: "an alert would be tried again for some minutes; see whether the receiver is there",
	alert.Refused:     "an alert would not be tried again: see to the cause",
	alert.TimedOut:    "it may have come; an alert would be followed up by the next rung",
}

var outcomeWords = map[alert.Outcome]string{alert.Sent: "sent", alert.Unreachable: "not reachable now", alert.Refused: "refused", alert.TimedOut: "no answer in time"}

// Run sends the test.
func (c *alertTestCommand) Run(w *world) error {
	cfg, err := config.Load(w.config)
	if err != nil {
		return err
	}
	got, err := alertTest.run(w.ctx, cfg, wantedTest{c.Channel, c.To})
	if err != nil {
		return err
	}
	if c.JSON {
		if err := json.NewEncoder(w.stdout).Encode(got); err != nil {
			return fmt.Errorf("alert: %w", err)
		}
	} else {
		line := fmt.Sprintf("%s to %s: %s", got.Channel, got.To, outcomeWords[got.Outcome])
		if got.Detail != "" {
			line += ": " + got.Detail
		}
		fmt.Fprintf(w.stdout, "%s\n  %s\n", line, got.Do)
		for _, fault := range got.Templates {
			fmt.Fprintf(w.stdout, "  this text of your own is not used: %s\n", fault)
		}
	}
	if got.Outcome != alert.Sent {
		return errFound
	}
	return nil
}

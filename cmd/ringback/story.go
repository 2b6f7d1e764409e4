package main

import (
	"context"
	"fmt"
	"slices"

	"ringback/ari/pbx"
	"ringback/leads"
	"ringback/leads/people"
	"ringback/leads/view"
)

// The clients of the story.
const (
	firstClient  = "+79161234567"
	secondClient = "+79261234568"
	thirdClient  = "+79031234569"
	fourthClient = "+79851234560"
	fifthClient  = "+79991234561" // of the appointment
)

// step is one scene of the story: play returns what was not observed.
type step struct {
	name  string // of the end-to-end test
	title string
	play  func(ctx context.Context, s *scene) error
}

// story is what demo shows, and what the end-to-end tests prove. Each step goes
// on from the one before.
var story = []step{
	{"unknown_client", "an unknown client rings and gives up: a contact, a lead, a message on the first manager's phone", firstMiss},
	{"rings_again", "the first client rings again and is missed: the same lead, two missed calls", missedAgain},
	{"gets_through", "the first client rings a third time and is answered: the lead closes by itself", gotThrough},
	{"colleague_answers", "a call that a colleague answers in a ring group makes no lead", colleagueAnswers},
	{"next_client", "the next unknown client goes to the second manager", secondMiss},
	{"after_next_client", "the one after that to the first manager again", fourthMiss},
	{"robot_unanswered", "nobody acts: the second manager's phone rings, and nobody picks up", robotUnanswered},
	{"robot_connects", "nobody acts: the first manager's phone rings, a voice says who waits, key 1 connects, the two talk: the lead closes", robotConnects},
	{"reminder", "the client of an appointment is rung, hears the recording and presses 1: the appointment is confirmed", clientReminded},
	{"handed_on", "still nobody acts: the second manager's lead goes on to the first", leadHandedOn},
	{"supervisor", "and still nobody: the supervisor is told", supervisorTold},
}

func firstMiss(ctx context.Context, s *scene) error {
	if err := s.givesUp(ctx, client(firstClient), pbx.LineDirect, pbx.Manager1); err != nil {
		return err
	}
	return s.becomesLead(ctx, firstClient, "sales", "anna", pbx.Manager1)
}

// becomesLead wants a missed call to have become a contact, a lead of the given
// manager, and a message on their phone.
func (s *scene) becomesLead(ctx context.Context, client, line, manager, desk string) error {
	assigned, err := s.entry(ctx, leads.EntryAssigned)
	if err != nil {
		return err
	}
	if assigned.Who != manager {
		return fmt.Errorf("the lead went to %s, not to %s", assigned.Who, manager)
	}
	if _, err := s.verdict(ctx, "missed", "abandoned_ringing"); err != nil {
		return err
	}
	link := s.daemon.cfg.PublicURL + people.LinkPath
	if err := s.message(ctx, desk, client, line, link); err != nil {
		return err
	}
	return s.leadIs(ctx, client, 1, "")
}

func missedAgain(ctx context.Context, s *scene) error {
	if err := s.givesUp(ctx, client(firstClient), pbx.LineDirect, pbx.Manager1); err != nil {
		return err
	}
	if _, err := s.verdict(ctx, "missed", "abandoned_ringing"); err != nil {
		return err
	}
	if err := s.message(ctx, pbx.Manager1, firstClient, "Rang again", "2 missed calls"); err != nil {
		return err
	}
	return s.leadIs(ctx, firstClient, 2, "")
}

func gotThrough(ctx context.Context, s *scene) error {
	if err := s.answered(ctx, client(firstClient), pbx.LineDirect, 0, pbx.Manager1); err != nil {
		return err
	}
	closed, err := s.entry(ctx, leads.EntryClosed)
	if err != nil {
		return err
	}
	if closed.Who != "anna" {
		return fmt.Errorf("the lead was closed by %q, not by anna", closed.Who)
	}
	if _, err := s.verdict(ctx, "answered", "person"); err != nil {
		return err
	}
	return s.leadIs(ctx, firstClient, 2, leads.ClientGotThrough)
}

func colleagueAnswers(ctx context.Context, s *scene) error {
	if err := s.answered(ctx, client(thirdClient), pbx.LineGroup, 2, pbx.Manager1, pbx.Manager2, pbx.Colleague); err != nil {
		return err
	}
	c, err := s.verdict(ctx, "answered", "person")
	if err != nil {
		return err
	}
	if c.AnsweredBy != pbx.Colleague {
		return fmt.Errorf("the call was answered by %q, not by the colleague's %s", c.AnsweredBy, pbx.Colleague)
	}
	owed, err := s.leadsOf(ctx, thirdClient)
	if err != nil {
		return err
	}
	if len(owed) > 0 {
		return fmt.Errorf("an answered call made %d leads", len(owed))
	}
	return nil
}

func secondMiss(ctx context.Context, s *scene) error {
	if err := s.givesUp(ctx, client(secondClient), pbx.LineGroup, pbx.Manager1, pbx.Manager2, pbx.Colleague); err != nil {
		return err
	}
	return s.becomesLead(ctx, secondClient, "support", "boris", pbx.Manager2)
}

// leadsOf reads what a client was ever owed.
func (s *scene) leadsOf(ctx context.Context, client string) ([]view.Lead, error) {
	all, err := view.New(s.daemon.db.Reader()).Leads(ctx, view.All, view.Page{Limit: view.MaxLimit})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all.Items, func(l view.Lead) bool { return l.Contact == nil || l.Contact.Number != client }), nil
}

// leadIs wants exactly one lead of the client to be on the disk, with this many
// missed calls and this outcome.
func (s *scene) leadIs(ctx context.Context, client string, missed int, outcome leads.Outcome) error {
	owed, err := s.leadsOf(ctx, client)
	if err != nil {
		return err
	}
	if len(owed) != 1 || owed[0].Missed != missed || owed[0].Outcome != outcome {
		return fmt.Errorf("%s is owed %+v; wanted one lead with %d missed calls, outcome %q", client, owed, missed, outcome)
	}
	return nil
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"ringback/ari/pbx"
	"ringback/ari/softphone"
	"ringback/leads"
	"ringback/leads/appointments"
	"ringback/leads/view"
)

func fourthMiss(ctx context.Context, s *scene) error {
	if err := s.givesUp(ctx, client(fourthClient), pbx.LineDirect, pbx.Manager1); err != nil {
		return err
	}
	return s.becomesLead(ctx, fourthClient, "sales", "anna", pbx.Manager1)
}

func robotUnanswered(ctx context.Context, s *scene) error {
	in, err := s.robotRings(ctx, pbx.Manager2)
	if err != nil {
		return err
	}
	select {
	case <-in.Cancelled():
		s.line(time.Now(), "phone %s rings no more", pbx.Manager2)
	case <-ctx.Done():
		return fmt.Errorf("phone %s rings on: %w", pbx.Manager2, context.Cause(ctx))
	}
	called, err := s.entry(ctx, leads.EntryRobotCall)
	if err == nil && (called.Who != "boris" || !strings.Contains(called.Detail, "no_answer")) {
		err = fmt.Errorf("the call was noted as %q of %q", called.Detail, called.Who)
	}
	return err
}

// robotRings waits for the robot's call to a desk, and lets it ring.
func (s *scene) robotRings(ctx context.Context, desk string) (*softphone.Incoming, error) {
	in, err := s.desks[desk].ExpectRing(ctx)
	if err != nil {
		return nil, err
	}
	s.line(in.At, "phone %s rings and shows: %s %s", desk, in.Name, in.From)
	if !isRobot(in) {
		return nil, fmt.Errorf("phone %s shows %q, and not how many calls are owed", desk, in.Name)
	}
	return in, in.Ring()
}

// isRobot says whether a phone is rung about leads.
func isRobot(in *softphone.Incoming) bool { return strings.Contains(in.Name, "Missed calls: ") }

func robotConnects(ctx context.Context, s *scene) error {
	in, err := s.robotRings(ctx, pbx.Manager1)
	if err != nil {
		return err
	}
	there, err := in.Answer(ctx)
	if err != nil {
		return err
	}
	if err := there.Hears(ctx, softphone.Voice); err != nil {
		return err
	}
	s.line(time.Now(), "phone %s hears a voice, and presses 1", pbx.Manager1)
	if err := there.SendDTMF(ctx, "1"); err != nil {
		return err
	}
	rung, err := s.outside.ExpectRing(ctx)
	if err != nil {
		return err
	}
	s.line(rung.At, "the phone of %s rings and shows: %s", rung.To, rung.From)
	if rung.To != strings.TrimPrefix(fourthClient, "+") || rung.From != pbx.LineDirect {
		return fmt.Errorf("%s was rung by %s, and not %s by %s", rung.To, rung.From, fourthClient, pbx.LineDirect)
	}
	if err := s.talkUntilReached(ctx, there, rung); err != nil {
		return err
	}
	closed, err := s.entry(ctx, leads.EntryClosed)
	if err != nil {
		return err
	}
	if closed.Who != "anna" {
		return fmt.Errorf("the lead was closed by %q, not by anna", closed.Who)
	}
	return s.leadIs(ctx, fourthClient, 1, leads.CalledBack)
}

// talkUntilReached lets a client pick up, and hang up when the two have talked
// for as long as settles a lead.
func (s *scene) talkUntilReached(ctx context.Context, manager *softphone.Call, in *softphone.Incoming) error {
	if err := in.Ring(); err != nil {
		return err
	}
	client, err := in.Answer(ctx)
	if err != nil {
		return err
	}
	if err := client.Hears(ctx, tones[pbx.Manager1]); err != nil {
		return fmt.Errorf("the client does not hear the manager: %w", err)
	}
	if err := manager.Hears(ctx, clientTone); err != nil {
		return fmt.Errorf("the manager does not hear the client: %w", err)
	}
	s.line(time.Now(), "phone %s and the client hear each other", pbx.Manager1)
	if err := pause(ctx, s.daemon.cfg.Missed.ReachedAfter); err != nil {
		return err
	}
	s.since = time.Now()
	return client.Hangup(ctx)
}

func clientReminded(ctx context.Context, s *scene) error {
	id, err := s.book(ctx, fifthClient, "boris")
	if err != nil {
		return err
	}
	in, err := s.outside.ExpectRing(ctx)
	if err != nil {
		return err
	}
	s.line(in.At, "the phone of %s rings and shows: %s", in.To, in.From)
	if in.To != strings.TrimPrefix(fifthClient, "+") || in.From != pbx.LineDirect {
		return fmt.Errorf("%s was rung by %s, and not %s by %s", in.To, in.From, fifthClient, pbx.LineDirect)
	}
	if err := in.Ring(); err != nil {
		return err
	}
	client, err := in.Answer(ctx)
	if err != nil {
		return err
	}
	if err := client.Hears(ctx, pbx.RecordingTone); err != nil {
		return fmt.Errorf("the client does not hear the recording: %w", err)
	}
	s.line(time.Now(), "the client hears the recording, and presses 1")
	if err := client.SendDTMF(ctx, "1"); err != nil {
		return err
	}
	if _, err := s.entry(ctx, appointments.EntryAnswered); err != nil {
		return err
	}
	select {
	case <-client.Done():
	case <-ctx.Done():
		return fmt.Errorf("the client is not hung up: %w", context.Cause(ctx))
	}
	booked, err := view.New(s.daemon.db.Reader()).Appointment(ctx, id)
	if err == nil && booked.State != appointments.Confirmed {
		err = fmt.Errorf("the appointment is %s, and not %s", booked.State, appointments.Confirmed)
	}
	return err
}

// book books an appointment by the API, as a program of the company's does. It
// begins the day after tomorrow.
func (s *scene) book(ctx context.Context, client, manager string) (id int64, err error) {
	body, err := json.Marshal(appointments.Wanted{Number: client, Name: "Client", Manager: manager, Place: "Main street 1",
		StartsAt: time.Now().Add(48 * time.Hour).Format(time.RFC3339)})
	if err != nil {
		return 0, fmt.Errorf("demo: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.daemon.Address()+"/api/v1/appointments", bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("demo: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	req.Header.Set("Content-Type", "application/json")
	req.Close = true // no idle connection stays behind
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, fmt.Errorf("demo: %w", err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusCreated {
		return 0, fmt.Errorf("the appointment was not booked: %s %s (%w)", res.Status, answer, err)
	}
	var booked view.Appointment
	if err := json.Unmarshal(answer, &booked); err != nil {
		return 0, fmt.Errorf("demo: %w", err)
	}
	s.since = time.Now()
	s.line(s.since, "an appointment of %s is booked; it can be corrected for %s", client, s.daemon.cfg.Reminders.Grace)
	return booked.ID, nil
}

func leadHandedOn(ctx context.Context, s *scene) error {
	if err := s.message(ctx, pbx.Manager1, secondClient, "support"); err != nil {
		return err
	}
	owed, err := s.leadsOf(ctx, secondClient)
	if err == nil && (len(owed) != 1 || owed[0].Manager != "anna") {
		err = fmt.Errorf("%s is owed %+v; wanted one lead of anna", secondClient, owed)
	}
	return err
}

func supervisorTold(ctx context.Context, s *scene) error {
	return s.message(ctx, pbx.Supervisor, secondClient, "support")
}

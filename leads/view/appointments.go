package view

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"ringback/leads"
	"ringback/leads/appointments"
	"ringback/leads/db"
)

// Appointment is what is booked with a contact. Its texts come from outside.
type Appointment struct {
	ID       int64              `json:"id"`
	Ref      string             `json:"ref"`
	Contact  AppointmentContact `json:"contact"`
	Manager  string             `json:"manager"`
	StartsAt string             `json:"starts_at"` // RFC 3339, with the distance from UTC that was written
	Place    string             `json:"place"`
	Category string             `json:"category"`
	Line     string             `json:"line"`
	Zone     string             `json:"zone"`
	Language string             `json:"language"`
	Fields   map[string]string  `json:"fields"`
	State    appointments.State `json:"state"`
	Version  int64              `json:"version"`
}

// AppointmentContact is the contact of an appointment, with the number that is
// called.
type AppointmentContact struct {
	ID     int64  `json:"id"`
	Name   string `json:"name"`
	Number string `json:"number"`
}

const appointmentColumns = `SELECT a.id, COALESCE(a.ref, ''), a.contact, c.name, a.number, a.manager, a.starts, a.shift, a.place, a.category, a.line,
	a.zone, a.language, a.fields, a.state, a.version FROM appointments a JOIN contacts c ON c.id = a.contact`

const (
	appointmentsQuery = appointmentColumns + " WHERE a.id < $1 ORDER BY a.id DESC LIMIT $2"
	appointmentQuery  = appointmentColumns + " WHERE a.id = $1"
)

func scanAppointment(row scanner) (Appointment, error) {
	var a Appointment
	var starts int64
	var shift int
	var fields string
	err := row.Scan(&a.ID, &a.Ref, &a.Contact.ID, &a.Contact.Name, &a.Contact.Number, &a.Manager, &starts, &shift, &a.Place, &a.Category, &a.Line,
		&a.Zone, &a.Language, &fields, &a.State, &a.Version)
	if err != nil {
		return a, err
	}
	a.StartsAt = db.Time(starts).In(time.FixedZone("", shift)).Format(time.RFC3339)
	a.Contact.Name = leads.Clip(a.Contact.Name)
	return a, json.Unmarshal([]byte(fields), &a.Fields)
}

// Appointments lists appointments, the newest first.
func (v *View) Appointments(ctx context.Context, p Page) (List[Appointment], error) {
	return byID(ctx, v, p, "appointments", appointmentsQuery, scanAppointment, func(a *Appointment) int64 { return a.ID })
}

// byID reads a page of a list that goes by descending ids.
func byID[T any](ctx context.Context, v *View, p Page, list, query string, scan func(scanner) (T, error), id func(*T) int64) (List[T], error) {
	limit, err := p.limit()
	if err != nil {
		return List[T]{}, err
	}
	from, err := readCursor(list, p.Cursor)
	if err != nil {
		return List[T]{}, err
	}
	rows, err := collect(ctx, v.db, scan, query, from.id, limit+1)
	if err != nil {
		return List[T]{}, failed(list, err)
	}
	return cut(rows, limit, list, func(row *T) place { return place{id: id(row)} }), nil
}

// AppointmentCard is all there is to say of one appointment.
type AppointmentCard struct {
	Appointment
	Reminders []Reminder `json:"reminders"` // the newest first
	Timeline  []Entry    `json:"timeline"`  // the newest entry first, no more than MaxTimeline
}

const appointmentTimelineQuery = entryColumns + " WHERE appointment = $1 AND id < $2 ORDER BY id DESC LIMIT $3"

// Appointment reads one appointment; ErrNotFound is in the error when there is
// none.
func (v *View) Appointment(ctx context.Context, id int64) (*AppointmentCard, error) {
	a, err := scanAppointment(v.db.QueryRowContext(ctx, appointmentQuery, id))
	if err != nil {
		return nil, missing("appointment", id, err)
	}
	card := &AppointmentCard{Appointment: a}
	if card.Reminders, err = collect(ctx, v.db, scanReminder, remindersOfQuery, id, MaxTimeline); err != nil {
		return nil, failed("reminders of an appointment", err)
	}
	card.Timeline, err = v.newest(ctx, appointmentTimelineQuery, id)
	return card, err
}

// Reminder is one call to a client that was promised.
type Reminder struct {
	ID          int64                 `json:"id"`
	Ref         string                `json:"ref"`
	Appointment *int64                `json:"appointment"` // null: a call that was asked for by itself
	Occasion    appointments.Occasion `json:"occasion"`
	Contact     *int64                `json:"contact"`
	Number      string                `json:"number"`
	Due         leads.Stamp           `json:"due"`
	Expires     leads.Stamp           `json:"expires"`
	Outcome     appointments.Outcome  `json:"outcome"` // empty while it is to be made
	Detail      string                `json:"detail"`
	Ended       leads.Stamp           `json:"ended"` // null until then
}

const reminderColumns = `SELECT r.id, COALESCE(r.ref, ''), r.appointment, r.occasion, r.contact, COALESCE(a.number, r.number), r.due, r.expires,
	r.outcome, r.detail, r.ended FROM reminders r LEFT JOIN appointments a ON a.id = r.appointment`

const (
	remindersQuery   = reminderColumns + " WHERE r.id < $1 ORDER BY r.id DESC LIMIT $2"
	remindersOfQuery = reminderColumns + " WHERE r.appointment = $1 ORDER BY r.id DESC LIMIT $2"
	reminderQuery    = reminderColumns + " WHERE r.id = $1"
)

func scanReminder(row scanner) (Reminder, error) {
	var r Reminder
	var appointment, contact sql.NullInt64
	var due, expires, ended int64
	err := row.Scan(&r.ID, &r.Ref, &appointment, &r.Occasion, &contact, &r.Number, &due, &expires, &r.Outcome, &r.Detail, &ended)
	r.Appointment, r.Contact = id(appointment), id(contact)
	r.Due, r.Expires, r.Ended = leads.Stamp{Time: db.Time(due)}, leads.Stamp{Time: db.Time(expires)}, leads.Stamp{Time: db.Time(ended)}
	return r, err
}

// Reminders lists reminders, the newest first.
func (v *View) Reminders(ctx context.Context, p Page) (List[Reminder], error) {
	return byID(ctx, v, p, "reminders", remindersQuery, scanReminder, func(r *Reminder) int64 { return r.ID })
}

// Reminder reads one reminder; ErrNotFound is in the error when there is none.
func (v *View) Reminder(ctx context.Context, id int64) (*Reminder, error) {
	r, err := scanReminder(v.db.QueryRowContext(ctx, reminderQuery, id))
	if err != nil {
		return nil, missing("reminder", id, err)
	}
	return &r, nil
}

package view

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"ringback/leads"
)

// Contact is a contact of the Book.
type Contact struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"` // the number until somebody fills in the card
	Named bool   `json:"named"`
	// NeedsDetails says that nobody has filled in the card yet.
	NeedsDetails bool `json:"needs_details"`
	// Shared says that several people have the number, as at a company.
	Shared  bool     `json:"shared"`
	Numbers []string `json:"numbers"`
	Manager string   `json:"manager"` // login of whoever is responsible, or empty
	// ExternalID is how the company's other program calls them; nil: it has not
	// said.
	ExternalID *string `json:"external_id"`
	Email      string  `json:"email"`
	Note       string  `json:"note"`
	Language   string  `json:"language"` // BCP 47; empty: not known
	OpenLeads  int     `json:"open_leads"`
}

// MovedError is the error of a contact that was merged into another. To who does
// not ask for it, it is ErrNotFound.
type MovedError struct{ Into int64 }

func (e *MovedError) Error() string        { return fmt.Sprintf("it was merged into contact %d", e.Into) }
func (e *MovedError) Is(target error) bool { return target == ErrNotFound }

const (
	contactColumns = `c.id, c.name, c.named, c.shared, c.manager, c.external_id, c.email, c.note, c.language, c.merged_into, (SELECT COUNT(*) FROM leads l WHERE l.contact = c.id AND l.closed IS NULL)
		FROM contacts c`
	contactsQuery = "SELECT " + contactColumns + " WHERE c.id < $1 AND c.merged_into IS NULL ORDER BY c.id DESC LIMIT $2"
	contactQuery  = "SELECT " + contactColumns + " WHERE c.id = $1"
	numbersQuery  = "SELECT contact, number FROM numbers WHERE contact BETWEEN $1 AND $2"
)

func scanContact(row scanner) (Contact, error) {
	var c Contact
	var into sql.NullInt64
	err := row.Scan(&c.ID, &c.Name, &c.Named, &c.Shared, &c.Manager, &c.ExternalID, &c.Email, &c.Note, &c.Language, &into, &c.OpenLeads)
	c.Name, c.NeedsDetails, c.Numbers = leads.Clip(c.Name), !c.Named, []string{}
	if err == nil && into.Valid {
		err = &MovedError{into.Int64}
	}
	return c, err
}

// Contacts lists contacts, newest first.
func (v *View) Contacts(ctx context.Context, p Page) (List[Contact], error) {
	limit, err := p.limit()
	if err != nil {
		return List[Contact]{}, err
	}
	from, err := readCursor("contacts", p.Cursor)
	if err != nil {
		return List[Contact]{}, err
	}
	rows, err := collect(ctx, v.db, scanContact, contactsQuery, from.id, limit+1)
	if err != nil {
		return List[Contact]{}, failed("contacts", err)
	}
	list := cut(rows, limit, "contacts", func(c *Contact) place { return place{id: c.ID} })
	return list, v.fillNumbers(ctx, list.Items)
}

// fillNumbers gives contacts, which are neighbours by their ids and in their
// order, their numbers.
func (v *View) fillNumbers(ctx context.Context, contacts []Contact) error {
	if len(contacts) == 0 {
		return nil
	}
	type owned struct {
		contact int64
		number  string
	}
	rows, err := collect(ctx, v.db, func(row scanner) (owned, error) {
		var o owned
		err := row.Scan(&o.contact, &o.number)
		return o, err
	}, numbersQuery, contacts[len(contacts)-1].ID, contacts[0].ID)
	if err != nil {
		return failed("numbers", err)
	}
	of := map[int64][]string{}
	for _, o := range rows {
		of[o.contact] = append(of[o.contact], leads.Clip(o.number))
	}
	for i := range contacts {
		c := &contacts[i]
		c.Numbers = append(c.Numbers, of[c.ID]...)
		slices.Sort(c.Numbers)
	}
	return nil
}

// ContactCard is all there is to say of one contact.
type ContactCard struct {
	Contact
	Open []Lead `json:"open"` // what they are owed
	// Calls are the newest with them, no more than DefaultLimit; Timeline is
	// their history, the newest entry first, no more than MaxTimeline.
	Calls    []Call  `json:"calls"`
	Timeline []Entry `json:"timeline"`
	// Older leads to what of the history is older; empty: nothing is.
	Older string `json:"-"`
}

// Contact reads one contact; ErrNotFound is in the error when there is none.
func (v *View) Contact(ctx context.Context, id int64) (*ContactCard, error) {
	return v.contact(ctx, id, "")
}

// contact reads one contact, with its history from a cursor on.
func (v *View) contact(ctx context.Context, id int64, cursor string) (*ContactCard, error) {
	c, err := v.ContactNow(ctx, id)
	if err != nil {
		return nil, err
	}
	card := &ContactCard{Contact: *c}
	if card.Open, err = v.openLeadsOf(ctx, id); err != nil {
		return nil, err
	}
	if card.Calls, err = v.callsOf(ctx, id, DefaultLimit); err != nil {
		return nil, err
	}
	history, err := v.timeline(ctx, contactTimelineQuery, id, cursor)
	card.Timeline, card.Older = history.Items, history.Next
	return card, err
}

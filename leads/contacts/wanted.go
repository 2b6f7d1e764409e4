package contacts

import (
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"

	"ringback/leads/number"
	"ringback/leads/posted"
)

// Wanted is a card as it is posted. What is nil stays as it is; an empty text
// takes away what was there.
type Wanted struct {
	// ExternalID is how the other program calls the contact.
	ExternalID *string `json:"external_id"`
	// Numbers are telephone numbers in any spelling that the company's plan
	// reads; Number is for who has but one.
	Number   *string  `json:"number"`
	Numbers  []string `json:"numbers"`
	Name     *string  `json:"name"`
	Manager  *string  `json:"manager"` // login of whoever is responsible
	Email    *string  `json:"email"`
	Note     *string  `json:"note"`
	Language *string  `json:"language"` // BCP 47, as in "pl"
	// Shared says that several people have the numbers, as at a company.
	Shared *bool `json:"shared"`
}

// The bounds of a card.
const (
	// MaxNumbers is how many numbers a contact has.
	MaxNumbers = 20
	// MaxText is for names and addresses, in characters; MaxNote for notes.
	MaxText     = 256
	MaxNote     = 4000
	maxExternal = 128
)

// checked is a card whose values have been found right.
type checked struct {
	Wanted
	numbers []string // E.164, each once; nil: they stay as they are
}

// check says everything that is wrong with a card; its error is posted.Problems.
func (c *Cabinet) check(w Wanted) (checked, error) {
	var wrong posted.Problems
	in := checked{Wanted: w}
	text := func(field string, value *string, most int, lines bool) {
		if value == nil {
			return
		}
		if why := Unfit(*value, most, lines); why != "" {
			wrong.Add(field, why)
		}
	}
	text("external_id", w.ExternalID, maxExternal, false)
	text("name", w.Name, MaxText, false)
	text("email", w.Email, MaxText, false)
	text("note", w.Note, MaxNote, true)
	if w.ExternalID != nil && *w.ExternalID == "" {
		wrong.Add("external_id", "is empty: leave it out where there is none")
	}
	if w.Name != nil && strings.TrimSpace(*w.Name) == "" {
		wrong.Add("name", "is empty")
	}
	if w.Manager != nil && *w.Manager != "" && c.cfg.Office.Directory.Manager(*w.Manager) == nil {
		wrong.Add("manager", "is not the login of a manager of the configuration")
	}
	if w.Email != nil && *w.Email != "" && !isAddress(*w.Email) {
		wrong.Add("email", "is no address, as in anna@example.com")
	}
	if w.Language != nil && *w.Language != "" {
		tag, err := language.Parse(*w.Language)
		if err != nil || len(*w.Language) > 35 {
			wrong.Add("language", `is no language as BCP 47 writes them, as in "en" or "pl"`)
		} else {
			plain := tag.String()
			in.Language = &plain
		}
	}
	in.numbers = c.readNumbers(w, &wrong)
	return in, wrong.Err()
}

// readNumbers reads the numbers of a card.
func (c *Cabinet) readNumbers(w Wanted, wrong *posted.Problems) (list []string) {
	read := func(field, text string) {
		n := c.cfg.Plan.Read(text)
		switch {
		case n.Kind != number.E164:
			wrong.Add(field, "is no valid telephone number: write it with its country code, as in +74951234567")
		case !slices.Contains(list, n.Value):
			list = append(list, n.Value)
		}
	}
	if len(w.Numbers) > MaxNumbers {
		wrong.Add("numbers", fmt.Sprintf("are more than %d", MaxNumbers))
		return nil
	}
	if w.Number != nil {
		read("number", *w.Number)
	}
	for i, text := range w.Numbers {
		read(fmt.Sprintf("numbers[%d]", i), text)
	}
	return list
}

// isAddress says whether a text is the address of a mailbox and nothing more.
func isAddress(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s
}

// Unfit says why a text from outside is not taken: more than most characters, or
// such as do not show; line ends only where there may be several lines. Empty: it
// is taken.
func Unfit(s string, most int, lines bool) string {
	switch {
	case len(s) > most*utf8.UTFMax || utf8.RuneCountInString(s) > most:
		return fmt.Sprintf("is longer than %d characters", most)
	case !utf8.ValidString(s):
		return "is not UTF-8"
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) && !(lines && (r == '\n' || r == '\t')) }):
		if lines {
			return "holds control characters"
		}
		return "holds control characters: write it on one line"
	}
	return ""
}

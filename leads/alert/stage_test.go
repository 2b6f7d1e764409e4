package alert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/jobs"
)

// stage is where the people of a story are: it takes their messages and rings
// their phones, and writes down both.
type stage struct {
	scene *scene

	mu      sync.Mutex
	told    []string
	answers map[string][]string // the keys that somebody will press in their next call, a lead each
	busy    map[string]bool
	fails   map[string]Outcome // what channels answer that fail
}

// since gives what was told since it was asked last; what was told at one
// instant stands in the order of the alphabet.
func (s *stage) since() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	told := s.told
	s.told = nil
	slices.SortStableFunc(told, func(a, b string) int {
		if clockA, _, _ := strings.Cut(a, "→"); strings.HasPrefix(b, clockA+"→") {
			return strings.Compare(a, b)
		}
		return 0 // they are in the order of time
	})
	return told
}

// tell writes down what has come to somebody.
func (s *stage) tell(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now().In(s.scene.zone)
	s.told = append(s.told, fmt.Sprintf("%s %s → %s", weekday(now), now.Format("15:04:05.999"), what))
}

// booth is a channel to the stage.
type booth struct {
	*stage
	name string
}

// Send tells the people on the stage; what fails is written down with its
// outcome.
func (b booth) Send(_ context.Context, m Message) (Outcome, string) {
	number := m.Number
	if number == "" && m.Lead != 0 {
		number = "withheld"
	}
	for _, l := range m.Leads {
		number += " " + l.Number
	}
	what := fmt.Sprintf("%s %s %s %s", b.name, m.To, m.Why, strings.TrimSpace(number))
	b.mu.Lock()
	outcome, fails := b.fails[b.name]
	b.mu.Unlock()
	if fails {
		b.tell(what + " " + string(outcome))
		return outcome, "as the story says"
	}
	b.tell(what)
	return Sent, ""
}

// fail has a channel fail from now on, or work again.
func (s *stage) fail(channel string, fails bool, outcome Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.fails, channel)
	if fails {
		s.fails[channel] = outcome
	}
}

func (s *stage) pickUp(login string, busy bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy[login] = busy
}

func (s *stage) onThePhone(login string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.busy[login]
}

func (s *stage) answer(login string, keys []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[login] = keys
}

// ring is a robot call: the work of leads.KindCall as far as the ladder sees it.
// It takes five seconds for a lead; whoever has nothing to press hears of all.
func (s *stage) ring(ctx context.Context, j jobs.Job) jobs.Result {
	book, login := s.scene.book, j.Lane
	var owed []leads.Owed
	var began time.Time
	err := s.do(ctx, func(tx *db.Tx) (err error) {
		began = tx.Now()
		owed, err = book.Owed(tx, login)
		return err
	})
	if err != nil {
		return jobs.Result{Err: err}
	}
	var announced []int64
	if len(owed) > 0 {
		if announced, err = s.announce(ctx, login, owed); err != nil {
			return jobs.Result{Err: err}
		}
	}
	return jobs.Result{Note: func(tx *db.Tx) error { return book.CallEnded(tx, j, began, announced, nil) }}
}

func (s *stage) do(ctx context.Context, fn func(tx *db.Tx) error) error {
	return s.scene.db.Do(ctx, fn)
}

// announce tells the manager of the leads, one after the other, unless they do
// not answer.
func (s *stage) announce(ctx context.Context, login string, owed []leads.Owed) (announced []int64, err error) {
	var numbers []string
	for i := range owed {
		numbers = append(numbers, owed[i].Number)
	}
	s.tell(fmt.Sprintf("call %s %s", login, strings.Join(numbers, " ")))
	s.pickUp(login, true)
	defer s.pickUp(login, false)
	s.mu.Lock()
	keys := s.answers[login]
	delete(s.answers, login)
	s.mu.Unlock()
	if slices.Contains(keys, "nothing") {
		time.Sleep(30 * time.Second)
		return nil, nil
	}
	for i := range owed {
		var still *leads.Owed
		err := s.do(ctx, func(tx *db.Tx) (err error) {
			still, err = s.scene.book.StillOwed(tx, owed[i].ID, login)
			return err
		})
		if err != nil || still == nil {
			return announced, err
		}
		time.Sleep(5 * time.Second)
		announced = append(announced, owed[i].ID)
		if i < len(keys) {
			if err := s.do(ctx, func(tx *db.Tx) error { return s.press(tx, keys[i], still, login) }); err != nil {
				return announced, err
			}
		}
	}
	return announced, nil
}

// press is a key that is pressed while a lead is announced.
func (s *stage) press(tx *db.Tx, key string, o *leads.Owed, login string) error {
	book := s.scene.book
	switch key {
	case "1":
		return book.Acknowledge(tx, o.ID, login, leads.ByConnect)
	case "2":
		return book.Acknowledge(tx, o.ID, login, leads.ByCall)
	case "3":
		_, err := book.HandOn(tx, o.ID, login, leads.ByCall)
		return err
	case "4":
		return book.Settle(tx, o.ID, login, leads.ByCall)
	}
	return errors.New("no such key: " + key)
}

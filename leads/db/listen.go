package db

import "sync"

// listeners are those who want to hear of commits, by topic, and what the
// functions of transactions may find, by name.
type listeners struct {
	mu       sync.Mutex
	of       map[string]map[*func(any)]struct{}
	provided map[string]any
}

// Provide lets the functions of transactions find value under a name, by
// Tx.Provided, until stop is called. There is one for each name: the newest.
func (db *DB) Provide(name string, value any) (stop func()) {
	l := &db.listeners
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.provided == nil {
		l.provided = make(map[string]any)
	}
	l.provided[name] = value
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.provided[name] == value {
			delete(l.provided, name)
		}
	}
}

func (l *listeners) find(name string) any {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.provided[name]
}

// Listen has fn called with every note that a committed transaction gave to
// Tx.Notify for the topic, until stop is called. fn runs on the writer's
// goroutine: it must be quick and must not block. Notes live in this process
// only; who listens looks first at what is in the database already.
//
// A nil note means: look again. A commit failed in a way that leaves open
// whether it is on the disk, so notes may be missing; the database works again.
func (db *DB) Listen(topic string, fn func(note any)) (stop func()) {
	l := &db.listeners
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil {
		l.of = make(map[string]map[*func(any)]struct{})
	}
	if l.of[topic] == nil {
		l.of[topic] = make(map[*func(any)]struct{})
	}
	l.of[topic][&fn] = struct{}{}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.of[topic], &fn)
	}
}

func (l *listeners) tell(topic string, note any) {
	l.mu.Lock()
	fns := make([]func(any), 0, len(l.of[topic]))
	for fn := range l.of[topic] {
		fns = append(fns, *fn)
	}
	l.mu.Unlock()
	for _, fn := range fns {
		fn(note)
	}
}

// tellAll gives everybody the nil note.
func (l *listeners) tellAll() {
	l.mu.Lock()
	topics := make([]string, 0, len(l.of))
	for topic := range l.of {
		topics = append(topics, topic)
	}
	l.mu.Unlock()
	for _, topic := range topics {
		l.tell(topic, nil)
	}
}

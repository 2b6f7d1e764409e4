package jobs

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"time"

	"ringback/leads/db"
)

// place names a lane: of which kind, and which of them.
type place struct{ kind, lane string }

// never is the due time of a lane in which nothing waits.
const never = math.MaxInt64

// lane is what the Runner remembers of the database: when something in it is
// due next, and how many of its workers are busy. next is never later than the
// truth, except for what was written behind this package's back.
type lane struct {
	at   place
	work *Work
	next int64
	busy int
}

func (l *lane) free() int { return l.work.Workers - l.busy }

// lanes are all lanes in which something waits or is in hand. next times are
// set on the database writer's goroutine, in the order of commits, so that a
// job enqueued right after a claim is not forgotten.
type lanes struct {
	mu    sync.Mutex
	works map[string]*Work
	of    map[place]*lane
	hands map[int64]struct{} // ids of the jobs that this process has begun and not recorded

	// open is set while jobs may be taken in hand by who promises them, over
	// when nothing is begun any more.
	open, over bool
	// promised counts, for each lane, what the transaction of that number has
	// taken in hand. Should it come to nothing, its number is not seen again.
	promised map[place]int
	number   int64
	// cancelling is the number of the last transaction that has withdrawn jobs.
	cancelling int64
}

func newLanes(works []*Work) *lanes {
	s := &lanes{works: make(map[string]*Work), of: make(map[place]*lane), hands: make(map[int64]struct{}), promised: make(map[place]int)}
	for _, w := range works {
		s.works[w.Kind] = w
	}
	return s
}

// get gives the lane, making it when it is not there; nil for a kind that
// nobody does. mu is held.
func (s *lanes) get(at place) *lane {
	l := s.of[at]
	if l != nil {
		return l
	}
	work := s.works[at.kind]
	if work == nil {
		return nil
	}
	l = &lane{at: at, work: work, next: never}
	s.of[at] = l
	return l
}

// tidy forgets the lane when there is nothing to remember. mu is held.
func (s *lanes) tidy(l *lane) {
	if l.busy == 0 && l.next == never {
		delete(s.of, l.at)
	}
}

// sooner notes that something in the lane is due then.
func (s *lanes) sooner(at place, due int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.get(at); l != nil {
		l.next = min(l.next, due)
	}
}

// settle notes what the database says is due next in the lane.
func (s *lanes) settle(at place, next int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.get(at); l != nil {
		l.next = next
		s.tidy(l)
	}
}

// promise counts a job that the transaction of that number takes in hand; false
// when it must wait: for others, or for a worker.
func (s *lanes) promise(at place, now, number int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	work := s.works[at.kind]
	if !s.open || work == nil || !work.AtOnce {
		return false
	}
	room := work.Workers
	if work.Do == nil {
		room = atOnceStep
	}
	if l := s.of[at]; l != nil {
		if l.next <= now {
			return false
		}
		room -= l.busy
	}
	if s.taken(at, number) >= room {
		return false
	}
	s.promised[at]++
	return true
}

// taken is how much of a lane this transaction has taken in hand so far. mu is
// held.
func (s *lanes) taken(at place, number int64) int {
	if s.number != number {
		s.number = number
		clear(s.promised)
	}
	return s.promised[at]
}

// room is how many workers of a lane are free for a transaction.
func (s *lanes) room(at place, number int64) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.get(at).free() - s.taken(at, number)
}

// take counts a job that a transaction has claimed.
func (s *lanes) take(at place, number int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.promised[at] = s.taken(at, number) + 1
}

// withdrawing notes that a transaction has cancelled jobs: those that it, or
// who shares its commit, has taken in hand may be among them.
func (s *lanes) withdrawing(number int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancelling = number
}

func (s *lanes) withdrawn(number int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cancelling == number
}

// engage notes that a worker has the job in hand; false when nothing is begun
// any more.
func (s *lanes) engage(j *claimed) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return false
	}
	s.get(j.place()).busy++
	s.hands[j.ID] = struct{}{}
	return true
}

// set says whether new jobs may be taken in hand by who promises them, and
// whether nothing is begun any more.
func (s *lanes) set(open, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open, s.over = open, over
}

// idle says whether a worker of the lane is free.
func (s *lanes) idle(at place) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.of[at]
	return l == nil || l.free() > 0
}

// release notes that the worker is free. A job whose result could not be
// recorded stays in hand: it may have been done, and is settled at the next
// start as after a crash.
func (s *lanes) release(j *claimed, recorded bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if recorded {
		delete(s.hands, j.ID)
	}
	l := s.get(j.place())
	l.busy--
	s.tidy(l)
}

// inHand tells whether a worker has, or had and could not record, the job.
func (s *lanes) inHand(id int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.hands[id]
	return ok
}

// ready lists the lanes in which something is due and a worker free, as copies,
// the earliest first.
func (s *lanes) ready(now time.Time) []lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	ms := db.Millis(now)
	var list []lane
	for _, l := range s.of {
		if l.next <= ms && l.free() > 0 {
			list = append(list, *l)
		}
	}
	slices.SortFunc(list, func(a, b lane) int { return cmp.Compare(a.next, b.next) })
	return list
}

// sleep is how long nothing can be due, at most limit.
func (s *lanes) sleep(now time.Time, limit time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := db.Millis(now.Add(limit))
	for _, l := range s.of {
		if l.free() > 0 {
			first = min(first, l.next)
		}
	}
	return max(0, db.Time(first).Sub(now.Round(0)))
}

// working counts the jobs that workers have.
func (s *lanes) working() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, l := range s.of {
		n += l.busy
	}
	return n
}

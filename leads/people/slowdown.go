package people

import (
	"net/netip"
	"slices"
	"sync"
	"time"
)

// slowdown has those wait who give wrong passwords, by login and by address. It
// forgets with the daemon: who guesses gains a few tries by a restart that is
// not theirs to make.
type slowdown struct {
	mu sync.Mutex
	of map[guessed]*guesses
}

// guessed is what somebody tries: the passwords of a login, or from an address
// those of anybody.
type guessed struct {
	kind, name string
}

const (
	knownLogin = "login"
	otherLogin = "other" // which nobody has; it waits as any other
	anAddress  = "address"
)

// guesses are the wrong passwords so far.
type guesses struct {
	count       int
	last, until time.Time
}

// How many wrong passwords are let pass, and how long who gives more waits: a
// second, and twice as long each time.
const (
	freeLogin    = 5
	freeAddress  = 20
	mostLogin    = 5 * time.Minute // longer would lock out the person by anybody's hand
	mostAddress  = 15 * time.Minute
	forgottenBy  = time.Hour // wrong passwords so long ago do not count
	mostGuessed  = 8192      // logins and addresses that are remembered
	longestShift = 20
)

func newSlowdown() *slowdown { return &slowdown{of: map[guessed]*guesses{}} }

// known is the login as it is counted. One that nobody has is bounded, and may be
// forgotten sooner.
func (r *Register) known(login string) guessed {
	if r.person(login) != nil {
		return guessed{knownLogin, login}
	}
	return guessed{otherLogin, cut(login, 64)}
}

// network is the address as it is counted: whoever has an IPv6 address has 2^64
// of them.
func network(address string) guessed {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return guessed{}
	}
	if ip = ip.Unmap(); ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return guessed{anAddress, p.String()}
		}
	}
	return guessed{anAddress, ip.String()}
}

// wait is how long to wait until the next password is looked at.
func (s *slowdown) wait(login guessed, address string, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var longest time.Duration
	for _, who := range []guessed{login, network(address)} {
		if g := s.of[who]; g != nil {
			longest = max(longest, g.until.Sub(now))
		}
	}
	return longest
}

// wrong counts a wrong password; true: from now on there is a wait that there
// was not.
func (s *slowdown) wrong(login guessed, address string, now time.Time) (begins bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	begins = s.count(login, freeLogin, mostLogin, now)
	if who := network(address); who.kind != "" {
		begins = s.count(who, freeAddress, mostAddress, now) || begins
	}
	return begins
}

func (s *slowdown) count(who guessed, free int, most time.Duration, now time.Time) (begins bool) {
	g := s.of[who]
	if g == nil || now.Sub(g.last) > forgottenBy {
		s.makeRoom(now)
		g = &guesses{}
		s.of[who] = g
	}
	g.count++
	g.last = now
	if g.count < free {
		return false
	}
	g.until = now.Add(min(time.Second<<min(g.count-free, longestShift), most))
	return g.count == free
}

// makeRoom forgets what is long ago and, where that is not enough, the older
// half of what is nobody's login.
func (s *slowdown) makeRoom(now time.Time) {
	if len(s.of) < mostGuessed {
		return
	}
	var others []guessed
	for who, g := range s.of {
		if now.Sub(g.last) > forgottenBy {
			delete(s.of, who)
		} else if who.kind != knownLogin {
			others = append(others, who)
		}
	}
	slices.SortFunc(others, func(a, b guessed) int { return s.of[a].last.Compare(s.of[b].last) })
	for _, who := range others[:len(others)/2] {
		delete(s.of, who)
	}
}

// right forgets the wrong passwords of whoever came in.
func (s *slowdown) right(login, address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.of, guessed{knownLogin, login})
	delete(s.of, network(address))
}

// forgive forgets the wrong passwords of a login.
func (s *slowdown) forgive(login string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.of, guessed{knownLogin, login})
}

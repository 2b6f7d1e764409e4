package people

import (
	"net/netip"
	"slices"
	"sync"
	"time"
)

// slowdown has those wait who give wrong passwords, by login and by address, or by
// the browser where it is familiar. It forgets with the daemon: who guesses gains a
// few tries by a restart that is not theirs to make.
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
	aSite      = "site" // 65,536 networks of IPv6, as many a subscriber gets
	aBrowser   = "browser"
)

// guesses are the wrong passwords so far.
type guesses struct {
	count       int
	last, until time.Time
}

// pardon is how many wrong passwords are let pass, and how long who gives more
// waits at most: a second, and twice as long each time.
type pardon struct {
	free int
	most time.Duration
}

const (
	freeLogin   = 5
	freeAddress = 20
	freeSite    = 200
)

var (
	ofLogin = pardon{freeLogin, 5 * time.Minute} // longer would lock out the person by anybody's hand
	pardons = map[string]pardon{knownLogin: ofLogin, otherLogin: ofLogin, aBrowser: ofLogin,
		anAddress: {freeAddress, 15 * time.Minute}, aSite: {freeSite, 15 * time.Minute}}
)

const (
	forgottenBy  = time.Hour // wrong passwords so long ago do not count
	mostGuessed  = 8192      // logins and addresses that are remembered
	longestShift = 20
)

func newSlowdown() *slowdown { return &slowdown{of: map[guessed]*guesses{}} }

// guesser is whose wrong passwords those of a login are. A browser that is familiar
// has a count of its own: nobody else's guesses keep its person out, and whoever has
// taken its cookie guesses no quicker by it. A login that nobody has is bounded, and
// may be forgotten sooner. Where the address cannot be told, only such logins count
// for it, as those of one address: the daemon has no work by what cannot come in, and
// nobody who can waits for others. (Whoever makes it wait can tell the two apart.)
func (r *Register) guesser(login string, from From) []guessed {
	if browser, ok := r.familiar(login, from.Familiar); ok {
		return []guessed{browser}
	}
	if r.person(login) == nil {
		login = cut(login, 64)
		if from.Address == "" {
			return []guessed{{otherLogin, login}, {anAddress, ""}}
		}
		return append(networks(from.Address), guessed{otherLogin, login})
	}
	return append(networks(from.Address), guessed{knownLogin, login})
}

// networks are the address as it is counted: whoever has an IPv6 address has 2^64
// of them, and often 2^16 times as many.
func networks(address string) []guessed {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return nil
	}
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		return []guessed{{anAddress, ip.String()}}
	}
	net, site := netip.PrefixFrom(ip, 64).Masked(), netip.PrefixFrom(ip, 48).Masked()
	return []guessed{{anAddress, net.String()}, {aSite, site.String()}}
}

// wait is how long to wait until the next password is looked at.
func (s *slowdown) wait(guesser []guessed, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var longest time.Duration
	for _, who := range guesser {
		if g := s.of[who]; g != nil {
			longest = max(longest, g.until.Sub(now))
		}
	}
	return longest
}

// wrong counts a wrong password; true: from now on there is a wait that there
// was not.
func (s *slowdown) wrong(guesser []guessed, now time.Time) (begins bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, who := range guesser {
		begins = s.count(who, pardons[who.kind], now) || begins
	}
	return begins
}

func (s *slowdown) count(who guessed, p pardon, now time.Time) (begins bool) {
	g := s.of[who]
	if g == nil || now.Sub(g.last) > forgottenBy {
		s.makeRoom(now)
		g = &guesses{}
		s.of[who] = g
	}
	g.count++
	g.last = now
	if g.count < p.free {
		return false
	}
	g.until = now.Add(min(time.Second<<min(g.count-p.free, longestShift), p.most))
	return g.count == p.free
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
		} else if who.kind != knownLogin && who.kind != aBrowser {
			others = append(others, who)
		}
	}
	slices.SortFunc(others, func(a, b guessed) int { return s.of[a].last.Compare(s.of[b].last) })
	for _, who := range others[:len(others)/2] {
		delete(s.of, who)
	}
}

// right forgets the wrong passwords of whoever came in.
func (s *slowdown) right(guesser []guessed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, who := range guesser {
		delete(s.of, who)
	}
}

// forgive forgets the wrong passwords of a login.
func (s *slowdown) forgive(login string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.of, guessed{knownLogin, login})
}

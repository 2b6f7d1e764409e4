package main

import (
	"io"
	"net"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"
)

// wire is the network between the daemon and a PBX. It carries all that goes
// through it, until something happens to it.
type wire struct {
	at string // where the daemon finds the PBX

	target   string
	listener net.Listener
	group    sync.WaitGroup

	mu     sync.Mutex
	damage damage
	open   []*strand
}

// damage is what has happened to a wire.
type damage int

const (
	mended    damage = iota
	cutOff           // connections end on both sides, and there are no new ones
	deafToPBX        // what the PBX says is lost on the way, and nobody hears that it is
	mute             // what the daemon says is lost so
	swallowed        // both are
	thin             // a kilobyte a second comes through, each way
)

var damageNames = map[damage]string{cutOff: "cut", deafToPBX: "half_open_from_the_PBX", mute: "half_open_to_the_PBX",
	swallowed: "half_open_both_ways", thin: "a_kilobyte_a_second"}

func (d damage) String() string { return damageNames[d] }

// strand is one connection through a wire.
type strand struct {
	daemon, pbx *net.TCPConn
	// lost is set once for good: of a stream from which something was lost nothing
	// more arrives, and nobody hears of its end.
	lost [2]bool
}

// newWire lays a wire to the server of that URL. It is taken away with the test.
func newWire(t testing.TB, target string) *wire {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{target: u.Host}
	if w.listener, err = net.Listen("tcp4", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	u.Host = w.listener.Addr().String()
	w.at = u.String()
	w.group.Go(func() {
		for {
			c, err := w.listener.Accept()
			if err != nil {
				return // it was taken away
			}
			w.group.Go(func() { w.connect(c.(*net.TCPConn)) })
		}
	})
	t.Cleanup(func() {
		w.listener.Close()
		w.set(cutOff)
		w.group.Wait()
	})
	return w
}

// set lets something happen to the wire, or mends it.
func (w *wire) set(d damage) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.damage = d
	for _, s := range w.open {
		s.suffer(d)
	}
}

// suffer lets the damage happen to the connection. The lock of its wire is held.
func (s *strand) suffer(d damage) {
	switch d {
	case cutOff:
		_, _ = s.daemon.Close(), s.pbx.Close()
	case deafToPBX:
		s.lost[0] = true
	case mute:
		s.lost[1] = true
	case swallowed:
		s.lost = [2]bool{true, true}
	}
}

func (w *wire) connect(daemon *net.TCPConn) {
	defer daemon.Close()
	c, err := net.Dial("tcp4", w.target)
	if err != nil {
		return // as if the PBX had refused it
	}
	defer c.Close()
	s := &strand{daemon: daemon, pbx: c.(*net.TCPConn)}
	w.mu.Lock()
	w.open = append(w.open, s)
	s.suffer(w.damage)
	w.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { w.carry(s, 0, s.pbx, s.daemon) })
	both.Go(func() { w.carry(s, 1, s.daemon, s.pbx) })
	both.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open = slices.DeleteFunc(w.open, func(o *strand) bool { return o == s })
}

// carry brings what one side says to the other, in the state of the wire. A side
// that ends ends the other, unless that can hear nothing of it.
func (w *wire) carry(s *strand, way int, from, to *net.TCPConn) {
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		failed := w.push(s, way, to, buf[:n])
		switch {
		case w.lost(s, way) && err == nil:
			continue
		case w.lost(s, way):
			return
		case err == io.EOF && failed == nil:
			_ = to.CloseWrite()
			return
		case err != nil || failed != nil:
			_, _ = to.Close(), from.Close()
			return
		}
	}
}

// push writes what has come: at once, or, through a thin wire, a little at a time.
func (w *wire) push(s *strand, way int, to net.Conn, rest []byte) error {
	for len(rest) > 0 && !w.lost(s, way) {
		n := len(rest)
		if w.is(thin) {
			n = min(n, 100)
			time.Sleep(time.Duration(n) * time.Millisecond)
		}
		if _, err := to.Write(rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

func (w *wire) lost(s *strand, way int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return s.lost[way]
}

func (w *wire) is(d damage) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.damage == d
}

package ari

import (
	"net"
	"sync/atomic"
	"time"
)

const (
	// gatherFor is how long frames gather in the kernel before they are read,
	// when they come fast: each reading costs a system call, and the waking of
	// three goroutines. The kernel holds a hundred times what arrives in it, and
	// Asterisk bears with us for fifty times as long.
	gatherFor = 2 * time.Millisecond
	// fast is how soon one reading must follow another for that. A frame that
	// comes alone is read at once.
	fast = 20 * time.Millisecond
	// gatherSize is how much is read at a time. Where so much has come already,
	// nothing is waited for.
	gatherSize = 32 << 10
)

// gatherer is a connection that reads in large pieces once it has been told to.
type gatherer struct {
	net.Conn
	on   atomic.Bool
	buf  []byte
	rest []byte // of buf: what was read and not yet taken
	full bool   // the last reading has filled buf
	last time.Time
}

// gather has the connection below a websocket read in large pieces from now on.
// TLS stands between the two, where it is used.
func gather(conn net.Conn) {
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = t.NetConn()
	}
	if g, ok := conn.(*gatherer); ok {
		g.on.Store(true)
	}
}

// Read takes from what was read ahead, and only then from the connection.
func (g *gatherer) Read(p []byte) (int, error) {
	if len(g.rest) == 0 {
		if !g.on.Load() {
			return g.Conn.Read(p)
		}
		if err := g.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, g.rest)
	g.rest = g.rest[n:]
	return n, nil
}

func (g *gatherer) fill() error {
	if g.buf == nil {
		g.buf = make([]byte, gatherSize)
	}
	if !g.full && time.Since(g.last) < fast {
		time.Sleep(gatherFor)
	}
	n, err := g.Conn.Read(g.buf)
	if n > 0 {
		err = nil // it comes again
	}
	g.rest, g.full, g.last = g.buf[:n], n == len(g.buf), time.Now()
	return err
}

package web

import (
	"net"
	"net/netip"
	"sync"
)

// The bounds of how many connections there are at once. Each takes some 20 kB of the
// 64 MB in which the daemon lives beside a PBX.
const (
	mostConns          = 512
	mostConnsOfAddress = 128 // an office may be behind one
)

// gate is a listener that closes the connections which are too many.
type gate struct {
	net.Listener
	free func(netip.Addr) bool // who speaks for many: their connections are bounded in all alone

	mu  sync.Mutex
	all int
	of  map[netip.Addr]int
}

// Accept waits for the next connection for which there is a place.
func (g *gate) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := g.from(conn)
		if g.enter(from) {
			return &passed{Conn: conn, leave: sync.OnceFunc(func() { g.leave(from) })}, nil
		}
		_ = conn.Close() // whoever it is hears no reason: to give one is work
	}
}

// from is the address as it is counted, that of the whole network in IPv6; the zero
// one is not.
func (g *gate) from(conn net.Conn) netip.Addr {
	at, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	ip := at.Addr().Unmap().WithZone("")
	switch {
	case err != nil || g.free(ip):
		return netip.Addr{}
	case ip.Is6():
		return netip.PrefixFrom(ip, 64).Masked().Addr()
	}
	return ip
}

func (g *gate) enter(from netip.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all >= mostConns || from.IsValid() && g.of[from] >= mostConnsOfAddress {
		return false
	}
	g.all++
	if from.IsValid() {
		g.of[from]++
	}
	return true
}

func (g *gate) leave(from netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all--
	if g.of[from]--; g.of[from] <= 0 {
		delete(g.of, from)
	}
}

// passed is a connection that gives its place back when it is closed.
type passed struct {
	net.Conn
	leave func()
}

func (c *passed) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// CloseWrite ends what is sent: the server does so before it closes a connection on
// which somebody still writes, who else would not see the answer.
func (c *passed) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

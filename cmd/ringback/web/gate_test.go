package web

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func TestThereAreNoMoreConnectionsThanPlaces(t *testing.T) {
	g := &gate{free: func(ip netip.Addr) bool { return ip.IsLoopback() }, of: map[netip.Addr]int{}}
	enters := func(ip string) bool { return g.enter(g.from(distant{from: net.TCPAddrFromAddrPort(addrPort(ip))})) }
	for i := range mostConnsOfAddress {
		if !enters(fmt.Sprintf("2001:db8::%x", i+1)) {
			t.Fatalf("connection %d of a network was refused", i)
		}
	}
	if enters("2001:db8::ffff") {
		t.Error("there is no bound for a network")
	}
	for range mostConns - mostConnsOfAddress - 1 {
		if !enters("::ffff:127.0.0.1") {
			t.Fatal("who speaks for many is bounded as one")
		}
	}
	if !enters("192.0.2.1") {
		t.Error("the last place is not given")
	}
	if enters("192.0.2.2") || enters("127.0.0.1") {
		t.Error("there is no bound in all")
	}
	g.leave(netip.MustParseAddr("2001:db8::"))
	if !enters("2001:db8::ffff") {
		t.Error("a place is not given back")
	}
}

// TestAnAddressDoesNotTakeAllConnections holds as many open as one may, and more.
func TestAnAddressDoesNotTakeAllConnections(t *testing.T) {
	h := newHouse(t)
	h.mu.Lock()
	h.from = distantIP
	h.mu.Unlock()
	dial := func() net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	answered := func(conn net.Conn) bool {
		_, err := fmt.Fprint(conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
		n, readErr := conn.Read(make([]byte, 1))
		return err == nil && readErr == nil && n == 1
	}
	held := make([]net.Conn, mostConnsOfAddress)
	for i := range held {
		if held[i] = dial(); !answered(held[i]) {
			t.Fatalf("connection %d was closed", i)
		}
	}
	if answered(dial()) {
		t.Error("one too many is answered")
	}
	if got := h.ask(ask{path: "/healthz"}); got.code != http.StatusOK {
		t.Errorf("who sits here meanwhile: %d", got.code)
	}
	if got := h.ask(ask{path: "/healthz", from: "192.0.2.200"}); got.code != http.StatusOK {
		t.Errorf("another address meanwhile: %d", got.code)
	}
	h.mu.Lock()
	h.from = distantIP
	h.mu.Unlock()
	held[0].Close()
	for !answered(dial()) && t.Context().Err() == nil { // the server may hear of the end a little later
	}
}

package door

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"ringback/leads/people"
)

// From is where whoever asks sits: at the other end of the connection or, where
// that is one of our proxies, at the last address before it that is none. Under a
// public address a connection from this machine is that of a proxy that the
// configuration does not name, and tells nothing.
func (d *Door) From(r *http.Request) people.From {
	from := people.From{Device: r.UserAgent(), Familiar: d.cookie(r, browserCookie)}
	ip, ok := peer(r)
	if !ok {
		return from
	}
	if d.trusts(ip) {
		ip = d.before(r, ip)
	} else if ip.IsLoopback() && !d.guard.trustsHere() {
		return from
	}
	from.Address = ip.String()
	return from
}

// peer is the other end of the connection.
func peer(r *http.Request) (netip.Addr, bool) {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	return at.Addr().Unmap().WithZone(""), err == nil
}

func (d *Door) trusts(ip netip.Addr) bool {
	for _, p := range d.cfg.Proxies {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// before is the address before our proxies. Each has written at the end whom it
// was asked by; what stands before that anybody may have written.
func (d *Door) before(r *http.Request, ip netip.Addr) netip.Addr {
	stations := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(stations) - 1; i >= 0; i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(stations[i]))
		if err != nil {
			return ip
		}
		if ip = next.Unmap().WithZone(""); !d.trusts(ip) {
			return ip
		}
	}
	return ip
}

// hostOf is the host that was asked for, without its port.
func (d *Door) hostOf(r *http.Request) string {
	if ip, ok := peer(r); ok && d.trusts(ip) && r.Header.Get("X-Forwarded-Host") != "" {
		return bareHost(r.Header.Get("X-Forwarded-Host"))
	}
	return bareHost(r.Host)
}

// bareHost takes the port away.
func bareHost(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}

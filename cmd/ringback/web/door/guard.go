package door

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
)

// token is what is kept of a bearer token: enough to recognize it, not enough
// to present it.
type token [sha256.Size]byte

// newToken makes a token of a token's text.
func newToken(text string) token { return sha256.Sum256([]byte(text)) }

// guard knows who may see what.
type guard struct {
	tokens []token
	public string // host of the public URL
}

// trustsHere says whether whoever comes from this machine needs no token: while
// the pages are meant for this machine alone. Under a public address there is a
// proxy at this machine, and as many set it up (proxy_pass http://127.0.0.1:8730
// and nothing else) its requests look like those of a person sitting here.
func (g *guard) trustsHere() bool { return g.public == "" || isLoopbackName(g.public) }

// lets says whether a request may see what the house knows.
func (g *guard) lets(r *http.Request) bool {
	return g.presentsToken(r) || g.trustsHere() && isHere(r)
}

// has says whether the text is one of the tokens. It takes as long for every
// text, and looks at every token.
func (g *guard) has(text string) bool {
	presented := newToken(text)
	found := 0
	for i := range g.tokens {
		found |= subtle.ConstantTimeCompare(presented[:], g.tokens[i][:])
	}
	return found == 1
}

// Bearer takes the token from a request (RFC 6750 §2.1), which may be anybody's.
// However the header is written around it, the token is the same.
func Bearer(r *http.Request) (string, bool) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimLeft(token, " "), ok && strings.EqualFold(scheme, "Bearer")
}

// presentsToken says whether a request carries a right token, as a program does
// (Bearer) or as a browser does (Basic, with any user and the token as
// password).
func (g *guard) presentsToken(r *http.Request) bool {
	if token, ok := Bearer(r); ok {
		return g.has(token)
	}
	_, password, ok := r.BasicAuth()
	return ok && g.has(password)
}

// isHere says whether a request comes from a person at this machine: over
// loopback, by a loopback name, and by no proxy that says it stands in between.
// The name matters because a page from elsewhere can make a browser at this
// machine ask us under a name of its own (DNS rebinding).
func isHere(r *http.Request) bool {
	for _, sign := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if r.Header.Get(sign) != "" {
			return false
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback() && isLoopbackName(bareHost(r.Host))
}

func isLoopbackName(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// isOurs says whether the host a request asks for can be ours: an address,
// localhost, or the host of the public URL.
func (g *guard) isOurs(host string) bool {
	return isLoopbackName(host) || net.ParseIP(host) != nil || g.public != "" && strings.EqualFold(host, g.public)
}

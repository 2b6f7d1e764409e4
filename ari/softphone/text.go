package softphone

import (
	"fmt"
	"net/url"
	"strings"
)

// userMarks are the marks that may stand in the user part of an address as they
// are (RFC 3261 section 25.1); all others are escaped.
const userMarks = "-_.!~*'()&=+$,?/"

// escapeUser writes a number or a name as the user part of an address. Callers'
// numbers may hold anything.
func escapeUser(user string) string {
	var text strings.Builder
	for _, b := range []byte(user) {
		switch {
		case '0' <= b && b <= '9', 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', strings.IndexByte(userMarks, b) >= 0:
			text.WriteByte(b)
		default:
			fmt.Fprintf(&text, "%%%02X", b)
		}
	}
	return text.String()
}

func unescapeUser(user string) string {
	if plain, err := url.PathUnescape(user); err == nil {
		return plain
	}
	return user
}

// quote writes a display name as the inside of a quoted string.
func quote(name string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name)
}

// unquote is the reverse of quote.
func unquote(name string) string {
	var plain strings.Builder
	escaped := false
	for _, r := range name {
		if escaped = r == '\\' && !escaped; !escaped {
			plain.WriteRune(r)
		}
	}
	return plain.String()
}

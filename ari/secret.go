package ari

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a password, a token or a key. However it is printed, encoded or
// logged, also deep within other values, it shows as dots; Reveal is the only
// way to its text. The zero value is no secret at all.
type Secret struct {
	text *string // a pointer: fmt prints those of unexported fields as addresses
}

const dots = "•••"

// NewSecret wraps text.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal is the text itself, for the one who must send or compare it.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Set says whether there is a secret.
func (s Secret) Set() bool { return s.text != nil }

// String shows dots, or nothing where there is no secret.
func (s Secret) String() string {
	if s.text == nil {
		return ""
	}
	return dots
}

// GoString is String, for %#v.
func (s Secret) GoString() string { return s.String() }

// Format is String for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText is String, for JSON, YAML and XML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue is String, for slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

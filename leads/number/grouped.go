package number

import (
	"hash/maphash"
	"strings"
	"sync/atomic"

	"github.com/nyaruka/phonenumbers/v2"
)

// written is a number and how it is read out.
type written struct{ e164, text string }

// recent are numbers that were grouped lately, each at a place of its own hash: a
// page shows the same ones again, and the library takes 5 µs for each.
var (
	recent [2048]atomic.Pointer[written]
	seed   = maphash.MakeSeed()
)

// Grouped writes an E.164 number as its country does, to be read out:
// "+7 916 123-45-67", with spaces at which no line breaks. Anything else stays
// as it is.
func Grouped(e164 string) string {
	if !strings.HasPrefix(e164, "+") || len(e164) > maxE164 {
		return e164
	}
	place := &recent[maphash.String(seed, e164)%uint64(len(recent))]
	if w := place.Load(); w != nil && w.e164 == e164 {
		return w.text
	}
	w := &written{e164: strings.Clone(e164)}
	w.text = group(w.e164)
	place.Store(w)
	return w.text
}

func group(e164 string) (text string) {
	defer func() {
		if recover() != nil { // the library's, of what it cannot take apart
			text = e164
		}
	}()
	n, err := phonenumbers.Parse(e164, "")
	if err != nil || phonenumbers.Format(n, phonenumbers.E164) != e164 {
		return e164
	}
	return strings.ReplaceAll(phonenumbers.Format(n, phonenumbers.INTERNATIONAL), " ", "\u00a0")
}

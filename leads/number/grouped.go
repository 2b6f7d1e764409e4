package number

import (
	"strings"

	"github.com/nyaruka/phonenumbers/v2"
)

// Grouped writes an E.164 number as its country does, to be read out:
// "+7 916 123-45-67", with spaces at which no line breaks. Anything else stays
// as it is.
func Grouped(e164 string) (text string) {
	defer func() {
		if recover() != nil { // the library's, of what it cannot take apart
			text = e164
		}
	}()
	if !strings.HasPrefix(e164, "+") || len(e164) > maxE164 {
		return e164
	}
	n, err := phonenumbers.Parse(e164, "")
	if err != nil || phonenumbers.Format(n, phonenumbers.E164) != e164 {
		return e164
	}
	return strings.ReplaceAll(phonenumbers.Format(n, phonenumbers.INTERNATIONAL), " ", "\u00a0")
}

package number

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers/v2"
)

func TestLocate(t *testing.T) {
	for e164, want := range map[string]string{
		"+74951234567":       "RU [fixed_line] 1 Europe/Moscow",
		"+79161234567":       "RU [mobile] 16 Asia/Almaty",
		"+77011234567":       "KZ [mobile] 16 Asia/Almaty",
		"+12125550123":       "US [fixed_line mobile] 1 America/New_York",
		"+18005551234":       "US [toll_free] 42 America/Adak",
		"+18765551234":       "JM [mobile] 42 America/Adak",
		"+19005551234":       "US [premium_rate] 42 America/Adak",
		"+493012345678":      "DE [fixed_line] 1 Europe/Berlin",
		"+881612345678":      "001 [mobile] 0 ",
		"+49201000000000000": "", // a plan allows it, E.164 does not
		"+7916123456":        "",
		"79161234567":        "",
		"+7 916 1234567":     "",
		"":                   "",
		"anna":               "",
	} {
		p, ok := Locate(e164)
		got := fmt.Sprint(p.Country, " ", p.Types, " ", len(p.Zones), " ", strings.Join(p.Zones, " "))
		if ok != (want != "") || !strings.HasPrefix(got, want) {
			t.Errorf("%q is %v, %s; want %s", e164, ok, got, want)
		}
	}
	for _, kind := range typesOf {
		for _, one := range kind {
			if !strings.Contains(fmt.Sprint(Types), string(one)) {
				t.Errorf("%s is not among the types", one)
			}
		}
	}
}

// No emergency or short number of any country is one that can be located, so
// none is ever dialed: neither as it is, nor behind the country's code.
func TestShortNumbersAreNone(t *testing.T) {
	short := 0
	for region := range phonenumbers.GetSupportedRegions() {
		code := phonenumbers.GetCountryCodeForRegion(region)
		for n := range 2000 {
			national := fmt.Sprint(n)
			parsed, err := phonenumbers.Parse(national, region)
			if err != nil || !phonenumbers.IsEmergencyNumber(national, region) && !phonenumbers.IsValidShortNumberForRegion(parsed, region) {
				continue
			}
			short++
			for _, dialed := range []string{national, "+" + national, fmt.Sprintf("+%d%s", code, national)} {
				if p, ok := Locate(dialed); ok {
					t.Errorf("%s, a short number of %s, is located: %+v", dialed, region, p)
				}
			}
		}
	}
	if short < 1000 {
		t.Errorf("only %d short numbers were found", short)
	}
}

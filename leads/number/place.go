package number

import (
	"slices"

	"github.com/nyaruka/phonenumbers/v2"
	"github.com/nyaruka/phonenumbers/v2/timezone"
)

// Type is what a number is for, by the numbering plan of its country.
type Type string

const (
	FixedLine   Type = "fixed_line"
	Mobile      Type = "mobile"
	TollFree    Type = "toll_free"
	PremiumRate Type = "premium_rate"
	SharedCost  Type = "shared_cost"
	VoIP        Type = "voip"
	Personal    Type = "personal_number"
	Pager       Type = "pager"
	UAN         Type = "uan" // a company's one number for many places
	Voicemail   Type = "voicemail"
)

// Types are all of them.
var Types = []Type{FixedLine, Mobile, TollFree, PremiumRate, SharedCost, VoIP, Personal, Pager, UAN, Voicemail}

// typesOf are the library's types. A number of a plan that does not tell fixed
// lines from mobiles is both; one that it cannot place is none.
var typesOf = map[phonenumbers.PhoneNumberType][]Type{
	phonenumbers.FIXED_LINE:           {FixedLine},
	phonenumbers.MOBILE:               {Mobile},
	phonenumbers.FIXED_LINE_OR_MOBILE: {FixedLine, Mobile},
	phonenumbers.TOLL_FREE:            {TollFree},
	phonenumbers.PREMIUM_RATE:         {PremiumRate},
	phonenumbers.SHARED_COST:          {SharedCost},
	phonenumbers.VOIP:                 {VoIP},
	phonenumbers.PERSONAL_NUMBER:      {Personal},
	phonenumbers.PAGER:                {Pager},
	phonenumbers.UAN:                  {UAN},
	phonenumbers.VOICEMAIL:            {Voicemail},
}

// Place is what the numbering plans know of a number.
type Place struct {
	// Country is ISO 3166, "DE"; "001" of numbers that belong to no country,
	// satellites for instance.
	Country string
	// Types are what it is for: two where the plan does not tell fixed lines
	// from mobiles, none where it cannot place the number.
	Types []Type
	// Zones are the IANA time zones in which it may be; none: nobody knows.
	Zones []string
}

// Locate tells what is known of an E.164 number, and false of anything else:
// emergency and other short numbers are none, with or without a country's code.
func Locate(e164 string) (p Place, ok bool) {
	// As in parse: strangers choose the text.
	defer func() {
		if recover() != nil {
			p, ok = Place{}, false
		}
	}()
	n, err := phonenumbers.Parse(e164, unknown)
	if err != nil || !phonenumbers.IsValidNumber(n) || phonenumbers.Format(n, phonenumbers.E164) != e164 || len(e164) > maxE164 {
		return Place{}, false
	}
	p = Place{Country: phonenumbers.GetRegionCodeForNumber(n), Types: typesOf[phonenumbers.GetNumberType(n)]}
	if zones, err := timezone.GetTimeZonesForNumber(n); err == nil && !slices.Contains(zones, timezone.Unknown) {
		p.Zones = zones
	}
	return p, true
}

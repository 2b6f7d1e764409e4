package page

import (
	"os"
	"strings"
	"time"
)

// zoneName is what people call a time zone: its IANA name, of the host's own zone
// too where the host tells it, and otherwise its distance from UTC.
func zoneName(zone *time.Location, at time.Time) string {
	name := zone.String()
	if zone == time.Local {
		name = hostZone(os.Getenv("TZ"), "/etc/localtime")
	}
	if _, err := time.LoadLocation(name); err != nil || name == "" {
		return at.In(zone).Format("UTC-07:00")
	}
	return name
}

// hostZone is the IANA name of the host's zone, as its environment or the link to
// its zone says it; empty: neither does.
func hostZone(tz, link string) string {
	if tz != "" {
		return tz
	}
	to, err := os.Readlink(link)
	if err != nil {
		return ""
	}
	_, name, _ := strings.Cut(to, "zoneinfo/")
	return name
}

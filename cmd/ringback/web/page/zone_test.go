package page

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestAZoneIsNamed(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	warsaw, err := time.LoadLocation("Europe/Warsaw")
	if err != nil {
		t.Fatal(err)
	}
	for want, zone := range map[string]*time.Location{"Europe/Warsaw": warsaw, "UTC": time.UTC, "UTC+05:30": time.FixedZone("", 5*3600+1800)} {
		if got := zoneName(zone, at); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := zoneName(time.Local, at); got == "Local" || got == "" {
		t.Errorf("the host's zone is %q", got)
	}
	link := filepath.Join(t.TempDir(), "localtime")
	if err := os.Symlink("/usr/share/zoneinfo/Asia/Yekaterinburg", link); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ tz, link, want string }{{"", link, "Asia/Yekaterinburg"}, {"Europe/Moscow", link, "Europe/Moscow"}, {"", link + "x", ""}} {
		if got := hostZone(c.tz, c.link); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

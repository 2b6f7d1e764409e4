package main

import (
	"strings"
	"testing"

	"ringback/ari/pbx"
)

// TestDoctorOfAPartOfARI examines a PBX that loses one part of ARI after the
// other.
func TestDoctorOfAPartOfARI(t *testing.T) {
	t.Parallel()
	for _, release := range []pbx.Release{pbx.Asterisk22, pbx.Asterisk16} {
		t.Run(string(release), func(t *testing.T) {
			t.Parallel()
			on := bareRelease(t, release, nil)
			c := newCompany(t, account{"main", on.ARIURL, on.ARIUser, on.ARIPassword})
			file := c.write(t)
			all := c.examine(t, file)
			all.says("main", "parts", levelGood, "are loaded")
			for _, part := range ariParts {
				if out, err := on.CLI(patient(t), "module unload "+part.module); err != nil || !strings.Contains(out, "Unloaded") {
					t.Fatalf("%s: %v, %s", part.module, err, out)
				}
				d := c.examine(t, file)
				d.says("main", "parts", levelFail, "/"+part.name+` DO asterisk -rx 'module load `+part.module+`'`)
				for _, f := range d.Findings {
					if f.Check == "websocket" && strings.Contains(f.Do, "res_http_websocket") {
						t.Errorf("without %s it is told to load another module: %s", part.module, f.Do)
					}
				}
				if out, err := on.CLI(patient(t), "module load "+part.module); err != nil {
					t.Fatalf("%s: %v, %s", part.module, err, out)
				}
			}
		})
	}
}

package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringback/config"
	"ringback/routing"
)

// FuzzRead gives Read any text: it never panics, what it says is bounded and fit
// for a terminal, and a configuration that it accepts can be worked with.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob(folder + "/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := config.Read(written(t, string(text), nil))
		if err != nil {
			var problems *config.Problems
			if !errors.As(err, &problems) || len(problems.List) == 0 || c != nil {
				t.Fatalf("%T %v, with %v", err, err, c)
			}
			if len(err.Error()) > 1<<20 {
				t.Errorf("%d bytes of error", len(err.Error()))
			}
			for _, p := range problems.List {
				if strings.ContainsFunc(p.String(), func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }) {
					t.Errorf("control characters in %q", p.String())
				}
			}
			return
		}
		d := c.Directory()
		for _, l := range d.Lines {
			c.Plan(l.PBX).Read("89161234567")
			if p := d.PoolOf(&l); p == nil || p.Supervisor == "" || d.Manager(p.Supervisor) == nil {
				t.Fatalf("line %q has the pool %v", l.Name, p)
			}
		}
		for i := range d.Pools {
			p := &d.Pools[i]
			if next := p.Hours.NextOpening(time.Unix(0, 0)); !p.Hours.Open(next) {
				t.Errorf("pool %q does not open", p.Name)
			}
			if verdict, reason := p.Judge(routing.Ending{Shown: routing.NoAnswer}); verdict == "" || reason == "" {
				t.Errorf("pool %q has no verdict", p.Name)
			}
			if p.Next("", func(string) bool { return true }, nil, func(int) int { return 0 }) == "" {
				t.Errorf("pool %q has nobody", p.Name)
			}
		}
	})
}

package scenarios

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"ringback/ari/pbx"
	"ringback/routing"
)

var (
	release = flag.String("release", string(pbx.Asterisk22), "play on this release of Asterisk, 22 or 16")
	only    = flag.String("only", "", "play the scenarios whose names match this regular expression")
	record  = flag.Bool("record", false, "play each scenario on a PBX of its own and write its recording to testdata/calls")
	at      = flag.Int("at-once", 20, "so many scenarios are played at a time")
)

// TestScenarios plays every story on one PBX, and then holds the verdicts of the
// tracker against the stories' files, the phones and the call event log.
func TestScenarios(t *testing.T) {
	names, err := regexp.Compile(*only)
	if err != nil {
		t.Fatal(err)
	}
	scripts := readScripts(t, pbx.Release(*release), names, !*record)
	limit := 8 * time.Minute
	if *record {
		limit = time.Hour // a PBX of its own each
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	if *record {
		recordAll(t, ctx, scripts)
		return
	}
	st := open(t, ctx, pbx.Release(*release), scripts)
	st.playAll()
	if err := st.quiet(ctx); err != nil {
		left, _ := st.pbx.CLI(t.Context(), "core show channels concise")
		t.Errorf("%v; on the PBX live\n%s", err, left)
	}
	for _, late := range append(st.full.late, st.thinned.late...) {
		t.Error(late)
	}
	events := st.log(ctx, t)
	records := st.records(ctx, t)
	if *keepRecords {
		st.keepAll(t, records)
	}
	agreed := 0
	for _, p := range st.plays {
		if t.Run(p.name, func(t *testing.T) { p.verdict(t, events, records[p.private.index]) }) {
			agreed++
		}
	}
	if t.Failed() {
		keep(t, "all", st.frames.taken())
	}
	agreement := fmt.Sprintf("%d scenarios on Asterisk %s: %d agree with their files, the phones, the call event log and the call records\n", len(st.plays), *release, agreed)
	fmt.Print(agreement)
	// go test prints nothing of a package that passes among others.
	if err := os.WriteFile(filepath.Join(t.ArtifactDir(), "agreement.txt"), []byte(agreement), 0o644); err != nil {
		t.Fatal(err)
	}
}

// verdict of one play: it was played, and everybody says the same of it.
func (p *play) verdict(t *testing.T, events []pbx.CallEvent, records *kept) {
	if p.failed != nil {
		t.Errorf("the story could not be played: %v", p.failed)
	}
	var own []pbx.CallEvent
	for i := range events {
		if p.private.index == 0 || ownerOf(events[i].Channel) == p.private.index {
			own = append(own, events[i])
		}
	}
	p.check(t, own, records)
	if t.Failed() {
		t.Logf("%s: %s", p.name, p.title)
	}
}

// playAll plays the stories, some at a time.
func (st *stage) playAll() {
	places := make(chan struct{}, *at)
	done := make(chan struct{})
	for _, p := range st.plays {
		go func() {
			places <- struct{}{}
			p.failed = p.perform(st.ctx)
			<-places
			done <- struct{}{}
		}()
	}
	for range st.plays {
		<-done
	}
}

// TestEveryReasonHasAScenario: no row of the table of verdicts is believed without
// a real PBX having shown it. Unconfirmed is what nobody saw.
func TestEveryReasonHasAScenario(t *testing.T) {
	wanted := ""
	for _, s := range readScripts(t, "", regexp.MustCompile(""), false) {
		wanted += strings.Join(s.lines("want"), "\n") + "\n"
	}
	for verdict, reasons := range routing.Reasons {
		for _, reason := range reasons {
			row := fmt.Sprintf(`(?m): (\w+ )?%s %s\b`, verdict, reason)
			if !regexp.MustCompile(row).MatchString(wanted) && reason != routing.Unconfirmed {
				t.Errorf("no scenario is %s by %s", verdict, reason)
			}
		}
	}
}

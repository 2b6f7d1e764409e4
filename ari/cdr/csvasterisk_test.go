package cdr

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ringback/ari/pbx"
)

// settings are all that cdr.conf can say about the columns.
var settings = func() (all []string) {
	for bits := range 16 {
		yes := func(bit int) string { return []string{"no", "yes"}[bits>>bit&1] }
		all = append(all, fmt.Sprintf("[general]\nunanswered=yes\n[csv]\nloguniqueid=%s\nloguserfield=%s\nnewcdrcolumns=%s\nusegmtime=%s\n",
			yes(0), yes(1), yes(2), yes(3)))
	}
	return all
}()

// hostile are names that end the field, the row and the file in which they stand,
// as a dialplan sets them, and the column clid that Asterisk makes of each: there
// it puts a backslash before what could end a name.
var hostile = map[string]string{
	`a"b,c)d}${LF}"CHAN_END","1","<i>"`: `"a\"b,c)d}\` + "\n" + `\"CHAN_END\",\"1\",\"<i>\"" <+7916>`,
	`x${LF}${LF}"",,"",""${LF}"2026"`:   `"x\` + "\n\\\n" + `\"\",,\"\",\"\"\` + "\n" + `\"2026\"" <+7916>`,
	`"`:                                 `"\"" <+7916>`,
	`","${LF}"`:                         `"\",\"\` + "\n" + `\"" <+7916>`,
	`${SHELL(printf 'J\377rg\303')}`:    `"J` + "\uFFFDrg\uFFFD" + `" <+7916>`,
	`${SHELL(yes '"' | tr -d '\012' | head -c 3000)}`: `"` + strings.Repeat(`\"`, 39),
}

// Both releases write what is read here, in each of their settings, however
// callers call themselves, in a zone with odd minutes.
func TestAsteriskCSV(t *testing.T) {
	t.Setenv("TZ", "Asia/Kathmandu") // Asterisk's, not ours
	for _, release := range []pbx.Release{pbx.Asterisk22, pbx.Asterisk16} {
		t.Run(string(release), func(t *testing.T) {
			root, err := pbx.Install(t.Context(), release, os.Stderr)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			inst, err := pbx.Start(t.Context(), root, pbx.Options{
				Dir: dir, Files: map[string]string{"cdr.conf": settings[0]}, Extensions: dialplan(),
			})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := inst.Stop(); err != nil {
					t.Error(err)
				}
			}()
			began := time.Now()
			rows := 0
			for i, setting := range settings {
				writeFile(t, filepath.Join(dir, "etc/cdr.conf"), setting)
				run(t, inst, "module reload cdr_csv.so")
				for ext := range len(hostile) {
					run(t, inst, fmt.Sprintf("channel originate Local/%d@x application Wait 1", ext))
				}
				rows += len(hostile)
				checkNames(t, inst, setting, began, rows, i)
			}
			in, err := Inspect(t.Context(), Config{CSV: inst.CDRFile})
			if err != nil || !in.UniqueID || !in.LinkedID || !in.Zoned || in.Zone != 0 || !in.Alone || !slices.Equal(in.Contexts, []string{"x"}) ||
				in.Newest.Before(began.Add(-2*time.Second)) || in.Newest.After(time.Now()) || in.Written.Before(in.Newest) || in.Unreadable > 0 {
				t.Errorf("%+v, %v", in, err)
			}
		})
	}
}

// dialplan has an extension for each hostile name, in their order.
func dialplan() string {
	plan := "[globals]\nLF=${SHELL(printf '\\nx')}\n[x]\n"
	for i, name := range names() {
		plan += fmt.Sprintf("exten => %d,1,Set(CALLERID(num)=+7916)\n same => n,Set(CALLERID(name)=%s)\n same => n,Set(CDR(userfield)=of \"us\")\n same => n,Hangup(17)\n", i, name)
	}
	return strings.ReplaceAll(plan, "${LF}", "${LF:0:1}")
}

func names() (all []string) {
	for name := range hostile {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// checkNames waits until all rows are there, and looks at the last that were
// written.
func checkNames(t *testing.T, inst *pbx.Instance, setting string, began time.Time, rows, i int) {
	t.Helper()
	var log Log
	for waited := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		var err error
		if log, err = (csvSource{inst.CDRFile}).Read(t.Context(), began.Add(-time.Hour), time.Time{}, nil); err != nil {
			t.Fatal(err)
		}
		if n := len(called(log.Records)); n >= rows || time.Since(waited) > 20*time.Second {
			if n != rows || log.Unreadable > 0 {
				text, _ := os.ReadFile(inst.CDRFile)
				t.Fatalf("%d rows of %d, %d unreadable, at\n%s%s", n, rows, log.Unreadable, setting, text[max(0, len(text)-4000):])
			}
			break
		}
	}
	for ext, name := range names() {
		var seen int
		for _, r := range called(log.Records) {
			if r.Dialed != fmt.Sprint(ext) {
				continue
			}
			seen++
			if r.CallerID != hostile[name] || r.Source != "+7916" || r.Context != "x" {
				t.Errorf("%q is read as %q", name, r.CallerID)
			}
			if r.Start.Before(began.Add(-2*time.Second)) || r.Start.After(time.Now()) || r.End.Before(r.Start) {
				t.Errorf("called %v until %v, at\n%s", r.Start, r.End, setting)
			}
		}
		if seen != i+1 {
			t.Errorf("%d calls of %q, want %d", seen, name, i+1)
		}
	}
}

// called are the records of the halves that ran the dialplan.
func called(records []Record) []Record {
	return slices.DeleteFunc(slices.Clone(records), func(r Record) bool { return !strings.HasSuffix(r.Channel, ";2") })
}

func run(t *testing.T, inst *pbx.Instance, command string) {
	t.Helper()
	if out, err := inst.CLI(t.Context(), command); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

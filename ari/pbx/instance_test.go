package pbx

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("PBX_TEST_PARENT"); dir != "" {
		parent(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// parent starts an instance, tells its process, and waits to be killed.
func parent(dir string) {
	ctx := context.Background()
	root, err := Install(ctx, Asterisk22, os.Stderr)
	if err != nil {
		panic(err)
	}
	inst, err := Start(ctx, root, Options{Dir: dir})
	if err != nil {
		panic(err)
	}
	fmt.Println(inst.process.PID())
	select {}
}

// begin starts an instance, and stops it with the test.
func begin(t *testing.T, o Options) *Instance {
	t.Helper()
	root, err := Install(t.Context(), Asterisk22, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	return beginAt(t, root, o)
}

// beginAt is begin with another release.
func beginAt(t *testing.T, root Root, o Options) *Instance {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	began := time.Now()
	inst, err := Start(t.Context(), root, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("started in %v", time.Since(began))
	t.Cleanup(func() {
		if err := inst.Stop(); err != nil {
			t.Error(err)
		}
	})
	return inst
}

// alive tells whether the process exists and is no zombie.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z") && !strings.HasPrefix(state, "X")
}

// eventually looks until ok, for what another process does a moment later.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for began := time.Now(); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}

func TestTwoAtOnce(t *testing.T) {
	one, two := begin(t, Options{}), begin(t, Options{SystemName: "second"})
	if one.SIPAddr == two.SIPAddr || one.ARIURL == two.ARIURL || one.ARIPassword == two.ARIPassword {
		t.Errorf("both have %s, %s", one.SIPAddr, one.ARIURL)
	}
	for _, inst := range []*Instance{one, two} {
		if !inst.ping(t.Context()) {
			t.Errorf("%s does not answer", inst.ARIURL)
		}
	}
	if out, err := two.CLI(t.Context(), "core show settings"); err != nil || !strings.Contains(out, "second") {
		t.Errorf("settings of the second: %v\n%s", err, out)
	}
}

// Asterisk listens nowhere but on the two ports it was given, on loopback.
func TestListensOnLoopbackOnly(t *testing.T) {
	begin(t, Options{Phones: []Phone{{User: "101", Password: "secret"}}}).isOnLoopbackOnly(t)
}

// isOnLoopbackOnly looks at the sockets that Asterisk has now.
func (i *Instance) isOnLoopbackOnly(t *testing.T) {
	t.Helper()
	sockets := map[string]bool{}
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", i.process.PID()))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		target, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", i.process.PID(), entry.Name()))
		if err == nil && strings.HasPrefix(target, "socket:[") {
			sockets[strings.Trim(target, "socket:[]")] = true
		}
	}
	bound := 0
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		text, err := os.ReadFile("/proc/net/" + table)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			if len(fields) < 10 || !sockets[fields[9]] {
				continue
			}
			bound++
			// PJSIP asks the name server from a port of the kernel's choice, as
			// every program does; nothing is served there.
			address, port, _ := strings.Cut(fields[1], ":")
			if number, err := strconv.ParseUint(port, 16, 16); err == nil && number >= 32768 && strings.HasPrefix(table, "udp") {
				continue
			}
			if address != "0100007F" {
				t.Errorf("%s: bound to %s", table, fields[1])
			}
		}
	}
	if bound < 2 {
		t.Errorf("%d sockets found, at least SIP and HTTP were expected", bound)
	}
}

func TestStopKillRestart(t *testing.T) {
	inst := begin(t, Options{})
	pid, address := inst.process.PID(), inst.ARIURL
	if err := inst.Stop(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-inst.Exited():
	default:
		t.Error("stopped, and not marked as ended")
	}
	if alive(pid) || inst.ping(t.Context()) {
		t.Error("it lives after Stop")
	}
	if err := inst.Stop(); err != nil {
		t.Errorf("stopping twice: %v", err)
	}
	if _, err := inst.CLI(t.Context(), "core show version"); err == nil {
		t.Error("the console of a stopped Asterisk answers")
	}
	for range 2 {
		if err := inst.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		if inst.ARIURL != address || !inst.ping(t.Context()) {
			t.Error("it does not answer after Restart")
		}
	}
	pid = inst.process.PID()
	inst.Kill()
	if alive(pid) {
		t.Error("it lives after Kill")
	}
}

// When the program that started it is killed, Asterisk does not stay.
func TestKilledParentLeavesNothing(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PBX_TEST_PARENT="+t.TempDir())
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if !alive(pid) {
		t.Fatal("no Asterisk runs")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	eventually(t, "Asterisk is gone", func() bool { return !alive(pid) })
}

// A folder with a long name, as tests have, still gets a control socket, and
// nothing is left of where that was put.
func TestLongFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	inst := begin(t, Options{Dir: dir})
	if strings.HasPrefix(inst.plan.RunDir, dir) {
		t.Errorf("the socket is in %s", inst.plan.RunDir)
	}
	if _, err := inst.CLI(t.Context(), "core show version"); err != nil {
		t.Error(err)
	}
	if err := inst.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(inst.plan.RunDir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("left behind: %s (%v)", inst.plan.RunDir, err)
	}
}

// An Asterisk that never answers is an error that shows its complaints, and
// does not stay.
func TestStartFails(t *testing.T) {
	root, err := Install(t.Context(), Asterisk22, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	o := Options{Dir: t.TempDir(), Files: map[string]string{"modules.conf": "[modules]\nautoload = no\nrequire = nonsense.so\n"}}
	if _, err = Start(ctx, root, o); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("started without modules: %v", err)
	}
	if _, err := Start(t.Context(), root, o); err == nil {
		t.Error("started in a folder that is not empty")
	}
}

// When another program takes the port first, the error says so at once; Start
// then tries others.
func TestPortTaken(t *testing.T) {
	inst := begin(t, Options{})
	if err := inst.Stop(); err != nil {
		t.Fatal(err)
	}
	for network, take := range map[string]func() (io.Closer, error){
		"tcp": func() (io.Closer, error) { return net.Listen("tcp4", inst.SIPAddr) },
		"udp": func() (io.Closer, error) { return net.ListenPacket("udp4", inst.SIPAddr) },
	} {
		taken, err := take()
		if err != nil {
			t.Fatal(err)
		}
		if err := inst.Restart(t.Context()); !errors.Is(err, errPortTaken) {
			t.Errorf("%s: %v", network, err)
		}
		taken.Close()
	}
	if err := inst.Restart(t.Context()); err != nil {
		t.Error(err)
	}
}

// ARI may be switched off on purpose.
func TestARIDisabled(t *testing.T) {
	inst := begin(t, Options{})
	if err := inst.Configure("ari.conf", "[general]\nenabled = no\n"); err != nil {
		t.Fatal(err)
	}
	if err := inst.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if inst.ping(t.Context()) {
		t.Error("ARI answers")
	}
	if err := inst.Configure("../x.conf", ""); err == nil {
		t.Error("wrote beside the folder")
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, o := range map[string]Options{
		"relative folder":  {Dir: "x"},
		"semicolon":        {Dir: "/tmp/a;b"},
		"phone's name":     {Dir: "/x", Phones: []Phone{{User: "10]1", Password: "x"}}},
		"no password":      {Dir: "/x", Phones: []Phone{{User: "101"}}},
		"line end":         {Dir: "/x", Phones: []Phone{{User: "101", Password: "x", Name: "a\ncontext=world"}}},
		"phone twice":      {Dir: "/x", Phones: []Phone{{User: "101", Password: "x"}, {User: "101", Password: "y"}}},
		"trunk like phone": {Dir: "/x", Phones: []Phone{{User: "101", Password: "x"}}, Trunks: []Trunk{{Name: "101", Address: "127.0.0.2:1"}}},
		"phone's context":  {Dir: "/x", Phones: []Phone{{User: "101", Password: "x", Context: "a\nb"}}},
		"trunk's context":  {Dir: "/x", Trunks: []Trunk{{Name: "trunk", Address: "127.0.0.2:1", Context: "a;b"}}},
		"driver":           {Dir: "/x", Phones: []Phone{{User: "101", Password: "x", Driver: "IAX2"}}},
		"trunk's address":  {Dir: "/x", Trunks: []Trunk{{Name: "trunk", Address: "provider.example"}}},
		"system name":      {Dir: "/x", SystemName: "a b"},
		"file outside":     {Dir: "/x", Files: map[string]string{"../x.conf": ""}},
		"sound outside":    {Dir: "/x", Sounds: map[string][]byte{"../digits/1.gsm": nil}},
	} {
		if err := o.check(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Call records carry unique id and linked id, and call events are written.
func TestRecords(t *testing.T) {
	inst := begin(t, Options{
		LinkedID:   true,
		Extensions: "[x]\nexten => 1,1,Answer()\n same => n,Hangup()\n",
		Files:      map[string]string{"+cdr.conf": "; appended\n", "extra.conf": "; of my own\n"},
	})
	for name, want := range map[string]string{"cdr.conf": "loguniqueid = yes", "extra.conf": "of my own", "ari.conf": "CHANNEL(linkedid)"} {
		text, err := os.ReadFile(filepath.Join(inst.Dir, "etc", name))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
	if _, err := inst.CLI(t.Context(), "channel originate Local/1@x application Wait 1"); err != nil {
		t.Fatal(err)
	}
	var records [][]string
	eventually(t, "a call record", func() bool {
		file, err := os.Open(inst.CDRFile)
		if err != nil {
			return false
		}
		defer file.Close()
		records, err = csv.NewReader(file).ReadAll()
		return err == nil && len(records) > 0
	})
	for _, r := range records {
		if linked := r[len(r)-2]; !strings.Contains(linked, ".") {
			t.Errorf("the second to last column of %q is no linked id", r)
		}
	}
	eventually(t, "call events", func() bool {
		text, _ := os.ReadFile(inst.CELFile)
		return strings.Contains(string(text), "CHAN_START") && strings.Contains(string(text), "LINKEDID_END")
	})
}

// The ARI answers to nobody without the password, and its files are the
// owner's alone.
func TestSecrets(t *testing.T) {
	inst := begin(t, Options{Phones: []Phone{{User: "101", Password: "a-secret"}}})
	res, err := http.Get(inst.ARIURL + "/asterisk/ping")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if res.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a password: %s", res.Status)
	}
	for _, name := range []string{"ari.conf", "pjsip.conf"} {
		info, err := os.Stat(filepath.Join(inst.Dir, "etc", name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", inst.process.PID()))
	if err != nil || strings.Contains(string(line), inst.ARIPassword) {
		t.Errorf("command line %q, %v", line, err)
	}
}

// The log of a fresh start holds no complaint: what is there later is about the
// calls.
func TestStartsWithoutComplaint(t *testing.T) {
	o := Office("127.0.0.2:5060", 0)
	inst := begin(t, o)
	log, err := os.ReadFile(inst.LogFile)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, "ERROR") || strings.Contains(line, "WARNING") {
			t.Error(strings.TrimSpace(line))
		}
	}
	// Ctrl-C at the terminal is for us: Asterisk stands in another group.
	pid := inst.process.PID()
	if group, err := syscall.Getpgid(pid); err != nil || group != pid {
		t.Errorf("process %d is in group %d, %v", pid, group, err)
	}
}

// Every release can play to people in both languages, plays recordings of the
// company's own, and says which it has; those stay the instance's own.
func TestSounds(t *testing.T) {
	for _, release := range []Release{Asterisk22, Asterisk16} {
		t.Run(string(release), func(t *testing.T) {
			root, err := Install(t.Context(), release, os.Stderr)
			if err != nil {
				t.Fatal(err)
			}
			inst := beginAt(t, root, Office("127.0.0.2:5060", 0))
			for sound, languages := range map[string]int{"digits/7": 2, "vm-options": 2, Recording: 1, "custom/other": 0} {
				known := inst.sound(t, sound)
				if strings.Count(known, `"language"`) != languages {
					t.Errorf("of %s it has %s", sound, known)
				}
			}
			if out, err := inst.CLI(t.Context(), "module show like stasis"); err != nil || !strings.Contains(out, "app_stasis.so") || !strings.Contains(out, "res_stasis_playback.so") {
				t.Errorf("modules: %v\n%s", err, out)
			}
			if left, err := filepath.Glob(filepath.Join(root.Dir, "usr/share/asterisk/sounds/en/custom")); err != nil || left != nil {
				t.Errorf("in the folder of all: %v, %v", left, err)
			}
		})
	}
}

// sound is what ARI tells of a sound.
func (i *Instance) sound(t *testing.T, name string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, i.ARIURL+"/sounds/"+url.PathEscape(name), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(i.ARIUser, i.ARIPassword)
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ringback/ari/pbx"
	"ringback/ari/pbx/debian"
)

// rig is a real PBX that SIPp rings, the program as a process beside it, and who
// is told by it.
type rig struct {
	testing.TB
	dir    string
	pbx    *pbx.Instance
	daemon *exec.Cmd     // nil: it does not run
	ended  chan struct{} // closed when the daemon has ended
	lives  int           // how often it was started; the log of each life is a file
	begun  time.Time     // when it was started last
	site   string        // the daemon's web server
	more   string        // of its configuration: further keys
	caller string        // host:port from which the callers ring
	calls  int
	alerts *receiver
	crowd  *crowd // a second PBX, which holds calls; nil: none
}

const rigToken = "token-of-the-benchmark-0123456789"

// startPBX starts one with the options; its folder is the rig's.
func (r *rig) startPBX(root pbx.Root, o pbx.Options) {
	r.Helper()
	o.Dir = filepath.Join(r.dir, "asterisk")
	if o.Files == nil {
		o.Files = map[string]string{}
	}
	o.Files["logger.conf"] = "[general]\ndateformat = %F %T.%3q\n[logfiles]\nfull = notice,warning,error\n"
	var err error
	if r.pbx, err = pbx.Start(r.Context(), root, o); err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() {
		if err := r.pbx.Stop(); err != nil {
			r.Error(err)
		}
		if r.Failed() {
			r.Logf("Asterisk said, in the end:\n%s", tail(r.read(r.pbx.LogFile)))
		}
	})
}

// write writes the files of the daemon's folder, and the token.
func (r *rig) write(files map[string]string) {
	r.Helper()
	files["tokens"] = rigToken
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
			r.Fatal(err)
		}
	}
}

// launch starts the daemon, which may be killed at once. What stands before it
// on the command line ("env", "TZ=UTC") has to become it, as exec does. The end
// of the test stops it gracefully.
func (r *rig) launch(before ...string) {
	r.Helper()
	if r.daemon != nil {
		r.Fatal("the daemon runs already")
	}
	if r.lives == 0 {
		r.Cleanup(r.stop)
	}
	r.lives, r.begun = r.lives+1, time.Now()
	log, err := os.Create(r.log(r.lives))
	if err != nil {
		r.Fatal(err)
	}
	defer log.Close()
	line := append(before, program(r), "serve", "--config", filepath.Join(r.dir, "ringback.yaml"))
	r.daemon, r.ended, r.site = exec.Command(line[0], line[1:]...), make(chan struct{}), ""
	r.daemon.Stderr = log
	if err := r.daemon.Start(); err != nil {
		r.Fatal(err)
	}
	go func() {
		_ = r.daemon.Wait() // how it ended stands in ProcessState
		close(r.ended)
	}()
}

// log is the file of what the daemon said in one of its lives.
func (r *rig) log(life int) string { return filepath.Join(r.dir, "daemon-"+strconv.Itoa(life)+".log") }

// kill ends the daemon as kill -9 does.
func (r *rig) kill() {
	r.Helper()
	select {
	case <-r.ended:
		r.died()
	default:
	}
	_ = r.daemon.Process.Kill() // it may have ended just now
	<-r.ended
	r.daemon = nil
}

// stop ends the daemon gracefully, if it runs.
func (r *rig) stop() {
	r.Helper()
	if r.daemon == nil {
		return
	}
	_ = r.daemon.Process.Signal(syscall.SIGTERM) // or it has ended
	<-r.ended
	if state := r.daemon.ProcessState; !state.Success() {
		r.Errorf("the daemon ended with %v", state)
	}
	r.daemon = nil
	if r.Failed() {
		r.Logf("the daemon said, in its last life:\n%s", tail(r.read(r.log(r.lives))))
	}
}

// died fails the test, because the daemon has ended by itself.
func (r *rig) died() {
	r.Helper()
	r.Fatalf("the daemon has ended by itself (%v), and said:\n%s", r.daemon.ProcessState, tail(r.read(r.log(r.lives))))
}

// tail is the end of a long text.
func tail(text string) string { return text[max(0, len(text)-8000):] }

// watches waits until the daemon watches its PBX.
func (r *rig) watches() {
	r.Helper()
	r.until("the daemon watches", 30*time.Second, r.ready)
}

// ready says whether the daemon says so.
func (r *rig) ready() bool {
	r.Helper()
	if !r.listens() {
		return false
	}
	res, err := http.Get(r.site + "/readyz")
	if err != nil {
		return false // it has only just begun, or is about to end
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// listens says whether the daemon has told where its page is.
func (r *rig) listens() bool {
	r.Helper()
	select {
	case <-r.ended:
		r.died()
	default:
	}
	if r.site != "" {
		return true
	}
	if at := pageAt.FindStringSubmatch(r.read(r.log(r.lives))); at != nil {
		r.site = "http://" + at[1]
	}
	return r.site != ""
}

// door is the daemon's web server.
func (r *rig) door() site { return site{strings.TrimPrefix(r.site, "http://"), rigToken} }

// startPhone starts SIPp with the scenario of a phone, and returns where.
func (r *rig) startPhone(scenario, at string, more ...string) string {
	r.Helper()
	sipp, said := r.sipp(scenario, at, more...)
	if err := sipp.Start(); err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() {
		_ = sipp.Process.Kill() // it may have ended
		_ = sipp.Wait()         // and was killed
		if r.Failed() && said.String() != "" {
			r.Logf("the phone of %s said:\n%s", scenario, said)
		}
	})
	return at
}

// sipp is SIPp with a scenario, at an address of ours. What it says is kept. A
// message that it did not expect ends no call: on a busy machine answers are
// late, are asked for again, and come twice. One that it waits for in vain does.
func (r *rig) sipp(scenario, at string, more ...string) (*exec.Cmd, *lastWords) {
	r.Helper()
	root, err := installSIPp()
	if err != nil {
		r.Fatal(err)
	}
	file, err := filepath.Abs(filepath.Join("../../testdata/load", scenario))
	if err != nil {
		r.Fatal(err)
	}
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		r.Fatal(err)
	}
	line, err := root.Command("", sippProgram, append([]string{"-sf", file, "-i", host, "-p", port, "-nostdin",
		"-default_behaviors", "all,-abortunexp"}, more...)...)
	if err != nil {
		r.Fatal(err)
	}
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir = r.dir
	said := new(lastWords)
	cmd.Stdout, cmd.Stderr = said, said
	return cmd, said
}

const sippProgram = "usr/bin/sipp"

// installSIPp makes the SIPp of the host's own release of Debian ready once.
var installSIPp = sync.OnceValues(func() (debian.Root, error) {
	suite, err := debian.HostSuite()
	if err != nil {
		return debian.Root{}, err
	}
	return debian.Install(context.Background(), debian.Recipe{
		What: "SIPp", Folder: "sipp", Suite: suite, Packages: []string{"sip-tester"}, Layout: "1",
		Check: func(root debian.Root) error {
			line, err := root.Command("", sippProgram, "-v")
			if err != nil {
				return err
			}
			if out, _ := exec.Command(line[0], line[1:]...).CombinedOutput(); !strings.Contains(string(out), "SIPp v") { // it never ends with 0
				return fmt.Errorf("run sipp -v from %s: %s", root.Dir, tail(string(out)))
			}
			return nil
		},
	}, os.Stderr)
})

func (r *rig) get(path string, into any) {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, r.site+path, nil)
	if err != nil {
		r.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+rigToken)
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		r.Fatalf("%s: %v", path, err)
	}
}

// all reads the whole of a list of the API, page after page.
func all[T any](r *rig, what string) (items []T) {
	r.Helper()
	for cursor := ""; ; {
		var page struct {
			Items []T
			Next  string
		}
		r.get("/api/v1/"+what+"?limit=500&cursor="+cursor, &page)
		items = append(items, page.Items...)
		if cursor = page.Next; cursor == "" {
			return items
		}
	}
}

// until waits until something holds. It looks the more seldom the longer that may
// take: looking costs the daemon, too.
func (r *rig) until(what string, patience time.Duration, holds func() bool) {
	r.Helper()
	tick := time.NewTicker(patience / 600)
	defer tick.Stop()
	late := time.After(patience)
	for !holds() {
		select {
		case <-tick.C:
		case <-late:
			r.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// read is a file's text, "" while there is none.
func (r *rig) read(name string) string {
	r.Helper()
	text, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.Fatal(err)
	}
	return string(text)
}

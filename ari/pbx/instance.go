package pbx

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"ringback/ari/pbx/debian"
)

// Instance is a running Asterisk. Its methods may be called from several
// goroutines.
type Instance struct {
	Root        Root
	Dir         string // Options.Dir
	SIPAddr     string // host:port of SIP over UDP
	ChanSIPAddr string // the same of the old driver; empty when nobody needs it
	ARIURL      string // http://host:port/ari
	ARIUser     string
	ARIPassword string
	CDRFile     string // call records: CSV with linkedid (second to last column) and unique id; made by the first call
	CELFile     string // call events: CSV
	LogFile     string // Asterisk's log: notices, warnings, errors, verbose 3

	plan plan

	mu      sync.Mutex // guards process, and lets one start or stop at a time
	process *debian.Process
}

// controlSocket is what Asterisk takes commands by.
const controlSocket = "asterisk.ctl"

// startTimeout bounds how long Asterisk may take until it answers. It takes
// about one second on an idle machine.
const startTimeout = 60 * time.Second

// Start runs a new Asterisk of the given release and returns once it has
// booted, answers over ARI and listens for SIP (what the caller's own files say
// about these is the caller's affair: ARI may be off on purpose). It serves on
// 127.0.0.1 only, on ports that were free.
//
// The caller stops it. If the calling process ends without having done so,
// however it ends, Asterisk is killed. ctx bounds the start only.
func Start(ctx context.Context, root Root, o Options) (*Instance, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	modules, err := root.modules()
	if err != nil {
		return nil, err
	}
	unwanted := unwanted
	if !o.old() {
		unwanted = append(slices.Clone(unwanted), "chan_sip")
	} else if _, err := os.Stat(filepath.Join(modules, "chan_sip.so")); err != nil {
		return nil, fmt.Errorf("pbx: chan_sip does not exist in Asterisk %s: %w", root.Release, err)
	}
	if err := lay(root, o.Dir, o.Sounds); err != nil {
		return nil, err
	}
	p := plan{
		Options: o.filled(), Root: root.Dir, Modules: modules,
		ARIUser: "ringback", ARIPassword: rand.Text(), Unwanted: unwanted,
	}
	// Between finding a free port and Asterisk's taking it another program may
	// take it: then once more, with others.
	for try := 1; ; try++ {
		inst, err := start(ctx, root, p)
		if err == nil || try == 3 || ctx.Err() != nil || !errors.Is(err, errPortTaken) {
			return inst, err
		}
	}
}

var errPortTaken = errors.New("another program has taken the port")

func start(ctx context.Context, root Root, p plan) (*Instance, error) {
	var err error
	if p.Port, err = debian.FreePort(); err != nil {
		return nil, err
	}
	for p.old() && (p.ChanSIPPort == 0 || p.ChanSIPPort == p.Port) {
		if p.ChanSIPPort, err = debian.FreePort(); err != nil {
			return nil, err
		}
	}
	if p.RunDir, err = debian.SocketDir(p.Dir, controlSocket); err != nil {
		return nil, err
	}
	inst := &Instance{
		Root: root, Dir: p.Dir, plan: p,
		SIPAddr: "127.0.0.1:" + strconv.Itoa(p.Port),
		ARIURL:  "http://127.0.0.1:" + strconv.Itoa(p.Port) + "/ari",
		ARIUser: p.ARIUser, ARIPassword: p.ARIPassword,
		CDRFile: filepath.Join(p.Dir, "log/cdr-csv/Master.csv"),
		CELFile: filepath.Join(p.Dir, "log/cel-custom/Master.csv"),
		LogFile: filepath.Join(p.Dir, "log/full"),
	}
	if p.old() {
		inst.ChanSIPAddr = "127.0.0.1:" + strconv.Itoa(p.ChanSIPPort)
	}
	if err := p.write(); err != nil {
		return nil, err
	}
	if p.OwnClock {
		if err := p.setClock(0); err != nil {
			return nil, err
		}
	}
	if err := inst.launch(ctx); err != nil {
		return nil, err
	}
	return inst, nil
}

// launch starts the process and waits until it serves; if it does not come to
// that, no process is left. The caller holds mu, or is alone.
func (i *Instance) launch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	argv, environment, err := i.command()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(i.plan.RunDir, 0o700); err != nil {
		return fmt.Errorf("pbx: make the folder of the control socket: %w", err)
	}
	process, err := debian.Spawn("Asterisk", argv, environment, filepath.Join(i.Dir, "log/console"), i.plan.RunDir)
	if err != nil {
		return err
	}
	i.process = process
	if err := i.ready(ctx); err != nil {
		i.process.Kill()
		return fmt.Errorf("pbx: start Asterisk: %w%s", err, i.complaints())
	}
	return nil
}

// ready waits until Asterisk has booted, and makes sure that it has the ports it
// was given.
func (i *Instance) ready(ctx context.Context) error {
	socket := filepath.Join(i.plan.RunDir, controlSocket)
	for booted := false; !booted; {
		if _, err := os.Stat(socket); err == nil {
			// The command itself waits; in its first moments Asterisk does not
			// know it yet.
			out, err := i.CLI(ctx, "core waitfullybooted")
			booted = err == nil && strings.Contains(out, "fully booted")
		}
		select {
		case <-i.process.Exited():
			return errors.New("it ended by itself")
		case <-ctx.Done():
			return fmt.Errorf("wait for its boot: %w", context.Cause(ctx))
		case <-time.After(20 * time.Millisecond):
		}
	}
	if i.plan.asMade("http.conf", "ari.conf", "modules.conf") && !i.ping(ctx) {
		return fmt.Errorf("no ARI on %s: %w", i.ARIURL, errPortTaken)
	}
	if i.plan.asMade("pjsip.conf", "modules.conf") {
		transports, err := i.CLI(ctx, "pjsip show transports")
		if err != nil {
			return err
		}
		if !strings.Contains(transports, i.SIPAddr) {
			return fmt.Errorf("no SIP on %s: %w", i.SIPAddr, errPortTaken)
		}
	}
	if i.ChanSIPAddr != "" && i.plan.asMade("sip.conf", "modules.conf") {
		return i.pingChanSIP(ctx)
	}
	return nil
}

// pingChanSIP makes sure that the old driver has its port. It does not complain
// when it has not, and its console names the port all the same.
func (i *Instance) pingChanSIP(ctx context.Context) error {
	conn, err := new(net.Dialer).DialContext(ctx, "udp4", i.ChanSIPAddr)
	if err != nil {
		return fmt.Errorf("ask the old driver: %w", err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return fmt.Errorf("ask the old driver: %w", err)
	}
	fmt.Fprintf(conn, "OPTIONS sip:ping@%[1]s SIP/2.0\r\nVia: SIP/2.0/UDP %[2]s;branch=z9hG4bKping\r\nMax-Forwards: 70\r\n"+
		"From: <sip:ping@%[2]s>;tag=ping\r\nTo: <sip:ping@%[1]s>\r\nContact: <sip:ping@%[2]s>\r\nCall-ID: ping\r\n"+
		"CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n", i.ChanSIPAddr, conn.LocalAddr())
	answer := make([]byte, 2000)
	n, _ := conn.Read(answer) // nobody there is an answer too
	if !strings.Contains(string(answer[:n]), fmt.Sprintf("Server: ringback-%d\r\n", i.plan.Port)) {
		return fmt.Errorf("no SIP of the old driver on %s: %w", i.ChanSIPAddr, errPortTaken)
	}
	return nil
}

// ping tells whether this instance answers over ARI; another program's answer
// would not accept the password.
func (i *Instance) ping(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, i.ARIURL+"/asterisk/ping", nil)
	if err != nil {
		return false
	}
	req.SetBasicAuth(i.ARIUser, i.ARIPassword)
	req.Close = true // no idle connection stays behind
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// complaints is the end of what Asterisk has said, for an error.
func (i *Instance) complaints() string {
	text, _ := os.ReadFile(i.LogFile)
	console, _ := os.ReadFile(filepath.Join(i.Dir, "log/console"))
	var lines []string
	for line := range strings.Lines(string(console) + string(text)) {
		if strings.Contains(line, "ERROR") || strings.Contains(line, "WARNING") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return "; its last words: " + strings.Join(lines[max(0, len(lines)-5):], " | ")
}

// CLI runs one command of Asterisk's console ("core show channels") and
// returns what it prints. Asterisk reports a command's failure in the text, not
// as an error.
func (i *Instance) CLI(ctx context.Context, command string) (string, error) {
	argv, err := i.Root.arguments("-C", filepath.Join(i.Dir, "etc/asterisk.conf"), "-r", "-x", command)
	if err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("pbx: console %q: %w: %s", command, err, strings.TrimSpace(string(out)))
	}
	return string(out), nil
}

// Configure writes the configuration file name ("extensions.conf") anew; it
// holds from the next Reload or Restart.
func (i *Instance) Configure(name, text string) error {
	if !fileName.MatchString(name) || name[0] == '+' {
		return fmt.Errorf("pbx: %q is no name of a configuration file", name)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.plan.Files[name] = text
	return i.plan.writeFile(name, text)
}

// Reload makes Asterisk read its configuration again. Calls go on.
func (i *Instance) Reload(ctx context.Context) error {
	_, err := i.CLI(ctx, "core reload")
	return err
}

// Exited is closed when the process that runs now has ended, by itself or not.
func (i *Instance) Exited() <-chan struct{} {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.process.Exited()
}

// PID is the process that runs now, or ran last: what Asterisk costs can be
// read of it.
func (i *Instance) PID() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.process.PID()
}

// Stop ends Asterisk: it hangs up what is up, writes the call records and
// exits; after five seconds it is killed. Stopping twice is no error.
func (i *Instance) Stop() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.process.Stop(5 * time.Second)
}

// Kill ends Asterisk at once (SIGKILL), as a crash would, and returns when the
// process is gone.
func (i *Instance) Kill() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.process.Kill()
}

// Restart starts Asterisk again on the same ports and in the same folder, and
// stops it before if it runs. Phones that had registered stay known; after Kill
// those of the last second do not, for Asterisk notes them on disk once a second.
func (i *Instance) Restart(ctx context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := i.process.Stop(5 * time.Second); err != nil {
		return err
	}
	return i.launch(ctx)
}

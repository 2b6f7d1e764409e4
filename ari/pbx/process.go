package pbx

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// process is a child that does not outlive us. Beside it runs a watchdog that
// reads from a pipe whose other end only we hold: when that end closes without
// a word, we are gone, and the watchdog kills the child. (A parent-death signal
// would follow the thread that started the child, not the process.)
type process struct {
	cmd      *exec.Cmd
	watchdog *exec.Cmd
	leash    io.WriteCloser // the watchdog's pipe
	exited   chan struct{}  // closed when the child was waited for
}

// The child waits for a word before it becomes Asterisk, so that the watchdog
// stands before there is anything to watch.
const (
	childScript    = `read -r go && exec "$@" </dev/null`
	watchdogScript = `read -r done || { kill -9 "$1"; rm -rf -- "$2"; } 2>/dev/null`
)

// spawn runs argv with its output in the file console, and with more variables
// in its environment than ours. runDir is removed when the child ends.
func spawn(argv, more []string, console, runDir string) (*process, error) {
	out, err := os.OpenFile(console, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("pbx: open the console's file: %w", err)
	}
	defer out.Close()

	p := &process{exited: make(chan struct{})}
	p.cmd = exec.Command("sh", append([]string{"-c", childScript, "sh"}, argv...)...)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.Env = append(os.Environ(), more...)
	// A process group of its own: Ctrl-C is for us, we then stop Asterisk.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	gate, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("pbx: start Asterisk: %w", err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("pbx: start Asterisk: %w", err)
	}
	if err := p.watch(runDir); err != nil {
		gate.Close() // the child ends without having become Asterisk
		p.cmd.Wait()
		return nil, err
	}
	go func() {
		p.cmd.Wait()
		io.WriteString(p.leash, "done\n")
		p.leash.Close()
		p.watchdog.Wait()
		os.RemoveAll(runDir)
		close(p.exited)
	}()
	if _, err := io.WriteString(gate, "go\n"); err != nil {
		p.kill()
		return nil, fmt.Errorf("pbx: start Asterisk: %w", err)
	}
	gate.Close()
	return p, nil
}

func (p *process) watch(runDir string) error {
	p.watchdog = exec.Command("sh", "-c", watchdogScript, "sh", strconv.Itoa(p.cmd.Process.Pid), runDir)
	p.watchdog.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var err error
	if p.leash, err = p.watchdog.StdinPipe(); err == nil {
		err = p.watchdog.Start()
	}
	if err != nil {
		return fmt.Errorf("pbx: start the watchdog: %w", err)
	}
	return nil
}

// stop asks the child to end, and kills it after grace.
func (p *process) stop(grace time.Duration) error {
	select {
	case <-p.exited:
		return nil
	default:
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("pbx: stop Asterisk: %w", err)
	}
	select {
	case <-p.exited:
	case <-time.After(grace):
		p.kill()
	}
	return nil
}

// kill ends the child at once and returns when it is gone.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.exited
}

// runDir names the folder of the control socket. A socket's path holds 107
// bytes: where the instance's folder is too long a short one is taken.
func runDir(dir string) (string, error) {
	const longest = 107 - len("/asterisk.ctl")
	if run := filepath.Join(dir, "run"); len(run) <= longest {
		return run, nil
	}
	for _, base := range []string{os.TempDir(), "/tmp"} {
		run, err := os.MkdirTemp(base, "ringback-")
		if err == nil && len(run) <= longest {
			return run, nil
		}
		os.Remove(run)
	}
	return "", fmt.Errorf("pbx: no folder for the control socket: %s is too long, and so is the temporary folder", dir)
}

// freePort finds a number that is free for SIP (UDP) and for HTTP (TCP),
// outside of the range from which the kernel serves programs that do not care,
// and above Asterisk's RTP.
func freePort() (int, error) {
	for range 1000 {
		port := 20000 + rand.IntN(12000)
		udp, err := net.ListenPacket("udp4", "127.0.0.1:"+strconv.Itoa(port))
		if err != nil {
			continue
		}
		udp.Close()
		tcp, err := net.Listen("tcp4", "127.0.0.1:"+strconv.Itoa(port))
		if err != nil {
			continue
		}
		tcp.Close()
		return port, nil
	}
	return 0, errors.New("pbx: no free port between 20000 and 32000")
}

package debian

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

// Process is a child that does not outlive us. Beside it runs a watchdog that
// reads from a pipe whose other end only we hold: when that end closes without
// a word, we are gone, and the watchdog kills the child. (A parent-death signal
// would follow the thread that started the child, not the process.)
type Process struct {
	what     string
	cmd      *exec.Cmd
	watchdog *exec.Cmd
	leash    io.WriteCloser // the watchdog's pipe
	exited   chan struct{}  // closed when the child was waited for
}

// The child waits for a word before it becomes the program, so that the watchdog
// stands before there is anything to watch.
const (
	childScript    = `read -r go && exec "$@" </dev/null`
	watchdogScript = `read -r done || { kill -9 "$1"; rm -rf -- "$2"; } 2>/dev/null`
)

// Spawn runs argv, which people know as what, with its output in the file
// console, and with more variables in its environment than ours. runDir is
// removed when the child ends.
func Spawn(what string, argv, more []string, console, runDir string) (*Process, error) {
	out, err := os.OpenFile(console, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("debian: open the console's file: %w", err)
	}
	defer out.Close()

	p := &Process{what: what, exited: make(chan struct{})}
	p.cmd = exec.Command("sh", append([]string{"-c", childScript, "sh"}, argv...)...)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.Env = append(os.Environ(), more...)
	// A process group of its own: Ctrl-C is for us, we then stop the child.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	gate, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("debian: start %s: %w", what, err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("debian: start %s: %w", what, err)
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
		p.Kill()
		return nil, fmt.Errorf("debian: start %s: %w", what, err)
	}
	gate.Close()
	return p, nil
}

func (p *Process) watch(runDir string) error {
	p.watchdog = exec.Command("sh", "-c", watchdogScript, "sh", strconv.Itoa(p.cmd.Process.Pid), runDir)
	p.watchdog.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var err error
	if p.leash, err = p.watchdog.StdinPipe(); err == nil {
		err = p.watchdog.Start()
	}
	if err != nil {
		return fmt.Errorf("debian: start the watchdog: %w", err)
	}
	return nil
}

// PID is the child's number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Exited is closed when the child has ended, by itself or not.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Stop asks the child to end, and kills it after grace. Stopping what has ended
// is no error.
func (p *Process) Stop(grace time.Duration) error {
	select {
	case <-p.exited:
		return nil
	default:
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("debian: stop %s: %w", p.what, err)
	}
	select {
	case <-p.exited:
	case <-time.After(grace):
		p.Kill()
	}
	return nil
}

// Kill ends the child at once and returns when it is gone.
func (p *Process) Kill() {
	p.cmd.Process.Kill()
	<-p.exited
}

// SocketDir names a folder for the socket of a program whose own folder is dir. A
// socket's path holds 107 bytes: where dir is too long a short one is taken.
func SocketDir(dir, socket string) (string, error) {
	longest := 107 - len("/"+socket)
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
	return "", fmt.Errorf("debian: no folder for the socket %s: %s is too long, and so is the temporary folder", socket, dir)
}

// FreePort finds a number that is free on loopback, for UDP and for TCP, outside
// of the range from which the kernel serves programs that do not care, and above
// Asterisk's RTP.
func FreePort() (int, error) {
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
	return 0, errors.New("debian: no free port between 20000 and 32000")
}

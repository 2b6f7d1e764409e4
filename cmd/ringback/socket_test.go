package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"ringback/config"
	"ringback/leads/people"
)

// TestAccountsByTheCommandLine does the same through a running daemon and, after
// it has stopped, to the file itself.
func TestAccountsByTheCommandLine(t *testing.T) {
	t.Parallel()
	c := newCompany(t, account{"main", "http://127.0.0.1:1", "ringback", "secret"})
	file := c.write(t)
	says := func(want string, status int, args ...string) string {
		t.Helper()
		got, out, errs := command(t, append([]string{"--config", file}, args...)...)
		if got != status || !strings.Contains(out+errs, want) {
			t.Fatalf("%v: status %d, want %d and %q: %s%s", args, got, status, want, out, errs)
		}
		return out
	}
	says("start the daemon first", 1, "user", "list")
	t.Run("a daemon runs", func(t *testing.T) {
		s, _ := c.hold(t)
		info, err := os.Stat(filepath.Join(c.dir, "ringback.db.sock"))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("the socket: %v %v", info, err)
		}
		link, _, _ := strings.Cut(says("/invite/", 0, "user", "invite", "anna"), "\n")
		_, path, _ := strings.Cut(strings.TrimPrefix(link, "http://"), "/")
		if status, page := s.get(t, "/"+path); status != http.StatusOK || !strings.Contains(page, "anna") {
			t.Errorf("the invitation: %d", status)
		}
		says("there is no such person in the configuration", 1, "user", "invite", "mallory")
		var made madeToken
		if err := json.Unmarshal([]byte(says("rb_", 0, "token", "create", "crm", "--scope", "leads:read,calls:read", "--expires", "90d", "--json")), &made); err != nil ||
			made.Ends.Sub(made.Made) != 90*24*time.Hour {
			t.Fatalf("%+v %v", made, err)
		}
		as := site{s.address, made.Text}
		if status, _ := as.get(t, "/api/v1/leads"); status != http.StatusOK {
			t.Errorf("the token: %d", status)
		}
		if status, _ := as.get(t, "/api/v1/contacts"); status != http.StatusForbidden {
			t.Errorf("the token where it has no scope: %d", status)
		}
		says("there is a token of this name", 1, "token", "create", "crm", "--scope", "leads:read")
		says("there is no such scope", 1, "token", "create", "x", "--scope", "everything")
		says("is no time such as 90d", 2, "token", "create", "x", "--scope", "leads:read", "--expires", "0d")
		says("leads:read", 0, "token", "list")
		says("ended", 0, "token", "revoke", "crm")
		if status, _ := as.get(t, "/api/v1/leads"); status != http.StatusUnauthorized {
			t.Errorf("the revoked token: %d", status)
		}
		says("is locked", 0, "user", "lock", "anna")
		if status, _ := s.get(t, "/"+path); status != http.StatusGone {
			t.Errorf("the invitation of who is locked: %d", status)
		}
		says("first ringback user unlock anna", 1, "user", "invite", "anna")
	})
	// The daemon has stopped; the socket that lies there is nobody's.
	says("locked since", 0, "user", "list")
	says("ringback user invite anna prints a link", 0, "user", "unlock", "anna")
	says("was not locked", 0, "user", "unlock", "anna")
	says("there is no such person in the configuration", 1, "user", "unlock", "mallory")
	var list []people.Account
	if err := json.Unmarshal([]byte(says("anna", 0, "user", "list", "--json")), &list); err != nil || len(list) != 3 || !list[0].Locked.IsZero() {
		t.Errorf("%+v %v", list, err)
	}
	says("logged out everywhere", 0, "user", "logout", "anna")
}

// TestNobodyElseOpensTheSocket wants another user to be turned away by what the
// kernel says of them, also where the file's mode would let them in.
func TestNobodyElseOpensTheSocket(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Log("only root can be another user for a moment; what the mode forbids is seen by others")
		return
	}
	c := newCompany(t, account{"main", "http://127.0.0.1:1", "ringback", "secret"})
	_, log := c.hold(t)
	path := filepath.Join(c.dir, "ringback.db.sock")
	for at, mode := path, os.FileMode(0o666); at != os.TempDir(); at, mode = filepath.Dir(at), 0o755 {
		if err := os.Chmod(at, mode); err != nil {
			t.Fatal(err)
		}
	}
	conn, err := dialAs(path, 65534)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST /errands/user-list HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}")
	answer := make([]byte, 100)
	if n, _ := conn.Read(answer); n > 0 {
		t.Errorf("another user was answered: %s", answer[:n])
	}
	waitFor(t, "the log to say who it was", func() bool { return strings.Contains(log.String(), "uid=65534") })
}

// dialAs connects as another user does: by what the kernel notes of a thread
// that is that user's for this moment. The thread is not used again.
func dialAs(path string, uid int) (net.Conn, error) {
	type dialed struct {
		conn net.Conn
		err  error
	}
	done := make(chan dialed)
	go func() {
		runtime.LockOSThread()
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, ^uintptr(0), uintptr(uid), ^uintptr(0)); errno != 0 {
			done <- dialed{nil, errno}
			return
		}
		fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
		if err == nil {
			err = syscall.Connect(fd, &syscall.SockaddrUnix{Name: path})
		}
		if err != nil {
			done <- dialed{nil, err}
			return
		}
		f := os.NewFile(uintptr(fd), path)
		defer f.Close()
		conn, err := net.FileConn(f)
		done <- dialed{conn, err}
	}()
	d := <-done
	return d.conn, d.err
}

// A database may lie deeper than the address of a socket is long.
func TestTheSocketLiesAsDeepAsTheDatabase(t *testing.T) {
	t.Parallel()
	c := newCompany(t, account{"main", "http://127.0.0.1:1", "ringback", "secret"})
	c.dir = filepath.Join(c.dir, strings.Repeat("deep", 20), strings.Repeat("deeper", 20))
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	c.hold(t)
	cfg, err := config.Load(filepath.Join(c.dir, "ringback.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var list []people.Account
	if err := askDaemon(t.Context(), cfg, userList.name, empty{}, &list); err != nil || len(list) != 3 {
		t.Errorf("%+v %v", list, err)
	}
}

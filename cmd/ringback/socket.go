package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"ringback/config"
	"ringback/leads/db"
	"ringback/leads/people"
)

// premises are where an errand is done.
type premises struct {
	cfg    *config.Config
	db     *db.DB
	people *people.Register
	// daemon is the one that runs; nil: none does.
	daemon *daemon
}

// errand is what a command has the running daemon do, because one alone writes
// the database; where none runs, the command does it itself. In and Out travel
// as JSON.
type errand[In, Out any] struct {
	name string
	do   func(ctx context.Context, at *premises, in In) (Out, error)
}

// served is an errand as the daemon's end of the socket knows it.
type served interface {
	serve(ctx context.Context, at *premises, asked []byte) (any, error)
	called() string
}

func (e errand[In, Out]) called() string { return e.name }

func (e errand[In, Out]) serve(ctx context.Context, at *premises, asked []byte) (any, error) {
	var in In
	if err := json.Unmarshal(asked, &in); err != nil {
		return nil, fmt.Errorf("%s: what was asked cannot be read: %w", e.name, err)
	}
	return e.do(ctx, at, in)
}

// run has it done.
func (e errand[In, Out]) run(ctx context.Context, cfg *config.Config, in In) (out Out, err error) {
	err = askDaemon(ctx, cfg, e.name, in, &out)
	if !errors.Is(err, errNoDaemon) {
		return out, err
	}
	if _, err := os.Stat(cfg.Database); errors.Is(err, fs.ErrNotExist) {
		return out, fmt.Errorf("there is no database at %s yet: start the daemon first, which makes it", cfg.Database)
	}
	store, err := db.Open(ctx, db.Config{Path: cfg.Database})
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	register, err := people.Open(ctx, people.Config{DB: store, Directory: cfg.Directory(), Idle: cfg.Web.Idle, Session: cfg.Web.Session, Link: cfg.Web.Link})
	if err != nil {
		return out, err
	}
	defer register.Close()
	return e.do(ctx, &premises{cfg: cfg, db: store, people: register}, in)
}

// errands are all that a daemon does for commands.
var errands = []served{userList, userInvite, userLock, userUnlock, userLogout, tokenCreate, tokenList, tokenRevoke, eventsList, eventsHooks, eventsReplay, eventsWake, alertTest,
	importContacts}

// errNoDaemon says that none runs on this database.
var errNoDaemon = errors.New("no daemon runs")

// mostAsked bounds what an errand is asked with: a file of contacts.
const mostAsked = 64 << 20

// socketPath is the daemon's door for commands: beside the database, whose folder is
// its user's alone.
func socketPath(cfg *config.Config) string { return cfg.Database + ".sock" }

// mostPath is how long the address of a unix socket may be (unix(7)).
const mostPath = 107

// inFolder names a socket so that its path is short enough: through the open
// folder in which it lies.
func inFolder(path string, use func(path string) error) error {
	if len(path) <= mostPath {
		return use(path)
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer folder.Close()
	return use(fmt.Sprintf("/proc/self/fd/%d/%s", folder.Fd(), filepath.Base(path)))
}

// askDaemon has the running daemon do an errand; errNoDaemon: none runs.
func askDaemon(ctx context.Context, cfg *config.Config, name string, in, out any) error {
	asked, err := json.Marshal(in)
	if err != nil {
		return err
	}
	path := socketPath(cfg)
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (conn net.Conn, err error) {
		err = inFolder(path, func(path string) error {
			conn, err = (&net.Dialer{}).DialContext(ctx, "unix", path)
			return err
		})
		return conn, err
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://ringback/errands/"+name, bytes.NewReader(asked))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := (&http.Client{Transport: transport}).Do(req)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return errNoDaemon
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s cannot be opened: run this as root, or as the user that ringback runs as", path)
	case err != nil:
		return fmt.Errorf("the daemon at %s does not answer: %w", path, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, mostAsked))
	if err != nil {
		return fmt.Errorf("the daemon at %s: %w", path, err)
	}
	if res.StatusCode == http.StatusOK {
		return json.Unmarshal(body, out)
	}
	var refused struct{ Error string }
	if json.Unmarshal(body, &refused) != nil || refused.Error == "" {
		return fmt.Errorf("the daemon at %s answers %s: is it of another version?", path, res.Status)
	}
	return errors.New(refused.Error)
}

// counter is the daemon's end of the socket.
type counter struct {
	listener net.Listener
	http     *http.Server
}

// newCounter opens the socket for the errands. What lies there is of a daemon that
// died: of two that live, the lock of the database lets one alone come so far.
func newCounter(at *premises, errands []served, log *slog.Logger) (*counter, error) {
	path := socketPath(at.cfg)
	c := &counter{}
	err := inFolder(path, func(path string) error {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		l, err := net.Listen("unix", path)
		if err != nil {
			return err
		}
		l.(*net.UnixListener).SetUnlinkOnClose(false) // its name may be a detour; the next daemon removes it
		c.listener = &ownOnly{l, log}
		return os.Chmod(path, 0o600)
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("serve: the socket for commands: %w", err), c.close())
	}
	mux := http.NewServeMux()
	for _, e := range errands {
		mux.HandleFunc("POST /errands/"+e.called(), func(w http.ResponseWriter, r *http.Request) { answerErrand(w, r, at, e) })
	}
	c.http = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	return c, nil
}

func answerErrand(w http.ResponseWriter, r *http.Request, at *premises, e served) {
	w.Header().Set("Content-Type", "application/json")
	asked, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostAsked))
	var out any
	if err == nil {
		out, err = e.serve(r.Context(), at, asked)
	}
	if err != nil {
		w.WriteHeader(http.StatusUnprocessableEntity)
		out = map[string]string{"error": err.Error()}
	}
	_ = json.NewEncoder(w).Encode(out) // who has gone hears nothing
}

// serve answers until close.
func (c *counter) serve() error {
	if err := c.http.Serve(c.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: the socket for commands: %w", err)
	}
	return nil
}

// shutDown finishes the errands in hand, no longer than ctx lets.
func (c *counter) shutDown(ctx context.Context) error { return c.http.Shutdown(ctx) }

// close gives the socket back.
func (c *counter) close() error {
	if c.listener == nil {
		return nil
	}
	return c.listener.Close()
}

// ownOnly lets in nobody but our own user and root, whatever the file's mode has
// been in between.
type ownOnly struct {
	net.Listener
	log *slog.Logger
}

// Accept waits for the next connection of one of these.
func (l *ownOnly) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		uid, err := peerOf(conn)
		if err == nil && (uid == 0 || uid == uint32(os.Geteuid())) {
			return conn, nil
		}
		l.log.Warn("another user tried the socket for commands", "uid", uid, "err", err)
		conn.Close()
	}
}

// peerOf is the user at the other end.
func peerOf(conn net.Conn) (uid uint32, err error) {
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		var cred *syscall.Ucred
		if cred, failed = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED); failed == nil {
			uid = cred.Uid
		}
	})
	return uid, errors.Join(err, failed)
}

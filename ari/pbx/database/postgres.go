package database

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"ringback/ari/pbx/debian"
)

// Postgres is a running PostgreSQL.
type Postgres struct {
	Dir     string
	Address string // host:port
	Socket  string
	// User may do everything in the database Name, with Password.
	User, Password, Name string

	process *debian.Process
}

// versions are PostgreSQL's in the releases of Debian.
var versions = map[string]string{"bookworm": "15", "trixie": "17", "forky": "18"}

// InstallPostgres makes the PostgreSQL of the host's own release of Debian ready:
// see debian.Install.
func InstallPostgres(ctx context.Context, w io.Writer) (debian.Root, error) {
	suite, err := debian.HostSuite()
	if err != nil {
		return debian.Root{}, err
	}
	version, known := versions[suite]
	if !known {
		return debian.Root{}, fmt.Errorf("database: which PostgreSQL Debian %s has is not known here", suite)
	}
	return debian.Install(ctx, debian.Recipe{
		What: "PostgreSQL " + version, Folder: "postgresql", Suite: suite, Packages: []string{"postgresql-" + version}, Share: []string{"postgresql"}, Layout: "1",
		Check: func(root debian.Root) error {
			argv, environment, err := program(root, "postgres", "--version")
			if err != nil {
				return err
			}
			cmd := exec.Command(argv[0], argv[1:]...)
			cmd.Env = append(os.Environ(), environment...)
			if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "PostgreSQL") {
				return fmt.Errorf("database: run postgres --version from %s: %w: %s", root.Dir, err, lastWords(out))
			}
			return nil
		},
	}, w)
}

// program is the command line of one of PostgreSQL's, which start each other and
// refuse to run as root: then they run as nobody, who may open what root may, for
// that is where they are installed; without no_setuid_fixup the kernel denies it
// when they ask. Containers allow that, and not all of them a namespace. The root
// is of the host's own release, so its loader serves.
func program(root debian.Root, name string, args ...string) (argv, environment []string, err error) {
	found, err := filepath.Glob(filepath.Join(root.Dir, "usr/lib/postgresql/*/bin", name))
	if err != nil || len(found) != 1 {
		return nil, nil, fmt.Errorf("database: there is no one %s in %s", name, root.Dir)
	}
	if os.Geteuid() == 0 {
		argv = []string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--securebits=+no_setuid_fixup", "--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--"}
	}
	return append(append(argv, found[0]), args...), []string{"LD_LIBRARY_PATH=" + strings.Join(root.Libraries(), ":"), "LC_ALL=C"}, nil
}

// StartPostgres runs a new server below dir, which must not exist or be empty.
// The caller stops it; ctx bounds the start only.
func StartPostgres(ctx context.Context, root debian.Root, dir string) (*Postgres, error) {
	port, err := debian.FreePort()
	if err != nil {
		return nil, err
	}
	socket := ".s.PGSQL." + strconv.Itoa(port)
	run, err := debian.SocketDir(dir, socket)
	if err != nil {
		return nil, err
	}
	p := &Postgres{
		Dir: dir, Address: "127.0.0.1:" + strconv.Itoa(port), Socket: filepath.Join(run, socket),
		User: "admin", Password: rand.Text(), Name: "postgres",
	}
	secret := filepath.Join(dir, "password")
	if err := errors.Join(os.MkdirAll(run, 0o700), os.WriteFile(secret, []byte(p.Password+"\n"), 0o600)); err != nil {
		return nil, fmt.Errorf("database: make the folders: %w", err)
	}
	data := filepath.Join(dir, "data")
	argv, environment, err := program(root, "initdb", "--pgdata="+data, "--username="+p.User, "--pwfile="+secret, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync")
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), environment...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("database: make the data: %w: %s", err, lastWords(out))
	}
	if argv, environment, err = program(root, "postgres", "-D", data, "-p", strconv.Itoa(port), "-c", "listen_addresses=127.0.0.1", "-k", run, "-c", "fsync=off"); err != nil {
		return nil, err
	}
	log := filepath.Join(dir, "log")
	if p.process, err = debian.Spawn("PostgreSQL", argv, environment, log, run); err != nil {
		return nil, err
	}
	if err := p.ready(ctx); err != nil {
		p.process.Kill()
		said, _ := os.ReadFile(log)
		return nil, fmt.Errorf("database: start PostgreSQL: %w; its last words: %s", err, lastWords(said))
	}
	return p, nil
}

// ready waits until the server says in the file of its process that it serves:
// it takes connections before.
func (p *Postgres) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		text, err := os.ReadFile(filepath.Join(p.Dir, "data/postmaster.pid"))
		if lines := strings.Split(string(text), "\n"); err == nil && len(lines) > 7 && strings.TrimSpace(lines[7]) == "ready" {
			return nil
		}
		select {
		case <-p.process.Exited():
			return errors.New("it ended by itself")
		case <-ctx.Done():
			return fmt.Errorf("wait for it: %w", context.Cause(ctx))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop ends the server in good order. Stopping twice is no error.
func (p *Postgres) Stop() error { return p.process.Stop(20 * time.Second) }

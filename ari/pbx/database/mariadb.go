package database

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"ringback/ari/pbx/debian"
)

const (
	mariadbd = "usr/sbin/mariadbd"
	// messages and plugins lie where the program would look for them below /usr.
	messages = "usr/share/mysql"
	plugins  = "usr/lib/mysql/plugin"
	// fresh is a database as it is before the first start, made once: every server
	// begins with a copy.
	fresh = "fresh"
)

// systemTables are the statements that make a fresh database.
var systemTables = []string{"mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql", "maria_add_gis_sp_bootstrap.sql"}

// MariaDB is a running server. Its methods may be called from several goroutines.
type MariaDB struct {
	Dir     string // data, logs and socket lie below it
	Address string // host:port
	Socket  string
	// User may do everything, from this machine, with Password.
	User, Password string

	root    debian.Root
	port    int
	mu      sync.Mutex // lets one start or stop at a time
	process *debian.Process
}

// Install makes the MariaDB of the host's own release of Debian ready: see
// debian.Install.
func Install(ctx context.Context, w io.Writer) (debian.Root, error) {
	suite, err := debian.HostSuite()
	if err != nil {
		return debian.Root{}, err
	}
	return debian.Install(ctx, debian.Recipe{
		What: "MariaDB", Folder: "mariadb", Suite: suite, Packages: []string{"mariadb-server-core"}, Share: []string{"mysql"}, Layout: "1",
		Finish: makeFresh,
		Check: func(root debian.Root) error {
			argv, err := root.Command("", mariadbd, "--no-defaults", "--version")
			if err != nil {
				return err
			}
			if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil || !strings.Contains(string(out), "MariaDB") {
				return fmt.Errorf("database: run mariadbd --version from %s: %w: %s", root.Dir, err, bytes.TrimSpace(out))
			}
			return nil
		},
	}, w)
}

// flags are those of every run.
func flags(root debian.Root, data string) []string {
	list := []string{
		"--no-defaults", "--datadir=" + data, "--lc-messages-dir=" + filepath.Join(root.Dir, messages), "--plugin-dir=" + filepath.Join(root.Dir, plugins),
		"--innodb-log-file-size=4M", "--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=2", "--loose-innodb-use-native-aio=0",
	}
	if os.Geteuid() == 0 {
		list = append(list, "--user=root") // it refuses otherwise
	}
	return list
}

// makeFresh makes a database with the system's tables and nobody in them.
func makeFresh(root debian.Root) error {
	data := filepath.Join(root.Dir, fresh)
	if err := os.MkdirAll(filepath.Join(data, "mysql"), 0o700); err != nil {
		return fmt.Errorf("database: make the folders: %w", err)
	}
	input := bytes.NewBufferString("USE mysql;\n")
	for _, name := range systemTables {
		text, err := os.ReadFile(filepath.Join(root.Dir, messages, name))
		if err != nil {
			return fmt.Errorf("database: what makes the system's tables: %w", err)
		}
		input.Write(text)
	}
	argv, err := root.Command("", mariadbd, append(flags(root, data), "--bootstrap", "--skip-networking")...)
	if err != nil {
		return err
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin = input
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("database: make the system's tables: %w: %s", err, lastWords(out))
	}
	return nil
}

// lastWords are the end of what a server has said, for an error.
func lastWords(said []byte) string {
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], " | ")
}

// startTime bounds how long a server may take to serve. It takes a second.
const startTime = 60 * time.Second

// Start runs a new server below dir, which must not exist or be empty. The caller
// stops it; ctx bounds the start only.
func Start(ctx context.Context, root debian.Root, dir string) (*MariaDB, error) {
	data := filepath.Join(dir, "data")
	if err := os.CopyFS(data, os.DirFS(filepath.Join(root.Dir, fresh))); err != nil {
		return nil, fmt.Errorf("database: lay the data: %w", err)
	}
	run, err := debian.SocketDir(dir, "mariadb.sock")
	if err != nil {
		return nil, err
	}
	port, err := debian.FreePort()
	if err != nil {
		return nil, err
	}
	m := &MariaDB{
		Dir: dir, Address: "127.0.0.1:" + strconv.Itoa(port), Socket: filepath.Join(run, "mariadb.sock"),
		User: "admin", Password: rand.Text(), root: root, port: port,
	}
	first := fmt.Sprintf("CREATE USER IF NOT EXISTS '%s'@'%%' IDENTIFIED BY '%s';\nGRANT ALL ON *.* TO '%[1]s'@'%%' WITH GRANT OPTION;\n", m.User, m.Password)
	if err := os.WriteFile(filepath.Join(dir, "first.sql"), []byte(first), 0o600); err != nil {
		return nil, fmt.Errorf("database: write the first statements: %w", err)
	}
	return m, m.launch(ctx)
}

// launch starts the process and waits until it serves. The caller holds mu, or is
// alone.
func (m *MariaDB) launch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	run := filepath.Dir(m.Socket)
	if err := os.MkdirAll(run, 0o700); err != nil {
		return fmt.Errorf("database: make the folder of the socket: %w", err)
	}
	argv, err := m.root.Command("", mariadbd, append(flags(m.root, filepath.Join(m.Dir, "data")),
		"--socket="+m.Socket, "--bind-address=127.0.0.1", "--port="+strconv.Itoa(m.port), "--init-file="+filepath.Join(m.Dir, "first.sql"),
		"--pid-file="+filepath.Join(m.Dir, "pid"), "--skip-name-resolve", "--character-set-server=utf8mb4")...)
	if err != nil {
		return err
	}
	log := filepath.Join(m.Dir, "log")
	if m.process, err = debian.Spawn("MariaDB", argv, nil, log, run); err != nil {
		return err
	}
	if err := m.ready(ctx); err != nil {
		m.process.Kill()
		said, _ := os.ReadFile(log)
		return fmt.Errorf("database: start MariaDB: %w; its last words: %s", err, lastWords(said))
	}
	return nil
}

// ready waits until the server greets, which it does once its first statements
// are done.
func (m *MariaDB) ready(ctx context.Context) error {
	for {
		if conn, err := new(net.Dialer).DialContext(ctx, "tcp4", m.Address); err == nil {
			_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
			_, err := io.ReadFull(conn, make([]byte, 5))
			conn.Close()
			if err == nil {
				return nil
			}
		}
		select {
		case <-m.process.Exited():
			return errors.New("it ended by itself")
		case <-ctx.Done():
			return fmt.Errorf("wait for its greeting: %w", context.Cause(ctx))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop ends the server in good order. Stopping twice is no error.
func (m *MariaDB) Stop() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.process.Stop(20 * time.Second)
}

// Kill ends the server at once, as a crash would, and returns when it is gone.
func (m *MariaDB) Kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.process.Kill()
}

// Restart starts the server again at the same address, and stops it before if it
// runs.
func (m *MariaDB) Restart(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.process.Stop(20 * time.Second); err != nil {
		return err
	}
	return m.launch(ctx)
}

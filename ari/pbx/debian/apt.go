package debian

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// apt runs the host's apt-get with folders of its own below dir, so that the
// host's package lists and cache are neither read nor changed and no root is
// needed.
type apt struct {
	dir    string
	mirror string
	recipe Recipe
}

// configure lays apt's folders and the one configuration file it will read.
//
// Of the host's configuration only Acquire is taken over (proxies, retries,
// certificates): its hooks may remove files of the host's cache, and its pins
// and default release are about other packages.
func (a apt) configure(ctx context.Context) error {
	for _, dir := range []string{"lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(a.dir, dir), 0o755); err != nil {
			return fmt.Errorf("debian: make apt's folders: %w", err)
		}
	}
	cmd := exec.CommandContext(ctx, "apt-config", "dump", "Acquire")
	acquire, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("debian: read the host's apt configuration: %w", err)
	}
	conf := string(acquire) + fmt.Sprintf(`
Dir::Etc::Main "/dev/null";
Dir::Etc::Parts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::SourceList "%[1]s/sources.list";
Dir::State::Status "%[1]s/status";
Dir::State::Lists "%[1]s/lists";
Dir::Cache "%[1]s/cache";
Dir::Log "%[1]s";
Debug::NoLocking "1";
APT::Install-Recommends "0";
APT::Update::Error-Mode "any";
APT::Sandbox::User "root";
Acquire::Retries "3";
Acquire::Languages { "none"; };
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::CNF::DefaultEnabled "false";
`, a.dir)
	// The status file is empty: nothing counts as installed, so the release's
	// own C library and everything above it come along.
	for name, text := range map[string]string{
		"apt.conf":     conf,
		"status":       "",
		"sources.list": fmt.Sprintf("deb [signed-by=%s] %s %s main\n", keyring, a.mirror, a.recipe.Suite),
	} {
		if err := os.WriteFile(filepath.Join(a.dir, name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("debian: configure apt: %w", err)
		}
	}
	return nil
}

// get runs apt-get under the configuration.
func (a apt) get(ctx context.Context, each func(string), args ...string) error {
	args = append([]string{"APT_CONFIG=" + filepath.Join(a.dir, "apt.conf"), "apt-get", "--quiet"}, args...)
	return run(ctx, each, "env", args...)
}

func (a apt) update(ctx context.Context) error {
	if err := a.get(ctx, nil, "update"); err != nil {
		return fmt.Errorf("debian: read the package list of Debian %s from %s: %w", a.recipe.Suite, a.mirror, err)
	}
	return nil
}

// download fetches the packages and all they need, says on w how far it is,
// and returns the paths of the .deb files.
func (a apt) download(ctx context.Context, w io.Writer) ([]string, error) {
	archives := filepath.Join(a.dir, "cache/archives")
	fmt.Fprintln(w, "choosing the packages")
	var need atomic.Pointer[string]
	said := func(line string) {
		// "Need to get 81.5 MB of archives."
		if rest, ok := strings.CutPrefix(line, "Need to get "); ok {
			size, _, _ := strings.Cut(rest, " of ")
			need.Store(&size)
			fmt.Fprintf(w, "downloading %s\n", size)
		}
	}
	stop := every(time.Second, func() {
		if size := need.Load(); size != nil {
			fmt.Fprintf(w, "downloaded %.0f of %s\n", megabytes(archives), *size)
		}
	})
	err := a.get(ctx, said, append([]string{"install", "--yes", "--download-only"}, a.recipe.Packages...)...)
	stop()
	if err != nil {
		return nil, fmt.Errorf("debian: download Debian's packages from %s: %w", a.mirror, err)
	}
	debs, err := filepath.Glob(filepath.Join(archives, "*.deb"))
	if err != nil || len(debs) == 0 {
		return nil, fmt.Errorf("debian: apt-get has downloaded nothing into %s", archives)
	}
	return debs, nil
}

// megabytes adds up what lies below dir. Files come and go meanwhile: those
// that are gone do not count.
func megabytes(dir string) float64 {
	var sum int64
	_ = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			if info, err := entry.Info(); err == nil {
				sum += info.Size()
			}
		}
		return nil
	})
	return float64(sum) / 1e6
}

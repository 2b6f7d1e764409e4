package debian

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Recipe says what a Root is made of.
type Recipe struct {
	// What names it for people ("Asterisk 22"), Folder in the cache ("asterisk-22").
	What, Folder string
	// Suite is the release of Debian from which Packages come with all they need.
	Suite    string
	Packages []string
	// Share are the folders of /usr/share that are kept.
	Share []string
	// Layout changes when Share, Finish or what this package itself does change the
	// files: older roots are then left alone and not reused.
	Layout string
	// Finish changes what was unpacked; nil: nothing.
	Finish func(Root) error
	// Check runs the program, which proves that it works on this machine.
	Check func(Root) error
}

// Root is unpacked files, shared by all programs that run from it and only read
// it.
type Root struct {
	Dir string
}

// machine is what Debian calls a processor, and where its files lie.
type machine struct {
	triplet string // of library folders
	loader  string // file name of the dynamic loader
}

var machines = map[string]machine{
	"amd64": {"x86_64-linux-gnu", "ld-linux-x86-64.so.2"},
	"arm64": {"aarch64-linux-gnu", "ld-linux-aarch64.so.1"},
}

// Triplet is what Debian calls this machine in the names of folders.
func Triplet() string { return machines[runtime.GOARCH].triplet }

// Place is where the recipe's Root lies, or will. The folder's name changes with
// all that decides what is inside.
func (r Recipe) Place() (Root, error) {
	if _, ok := machines[runtime.GOARCH]; !ok || runtime.GOOS != "linux" {
		return Root{}, fmt.Errorf("debian: %s can be unpacked on Linux on amd64 and arm64 only, this is %s/%s", r.What, runtime.GOOS, runtime.GOARCH)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return Root{}, fmt.Errorf("debian: where to keep %s: %w", r.What, err)
	}
	sum := sha256.Sum256([]byte(strings.Join(append([]string{r.Layout, r.Suite, runtime.GOARCH}, r.Packages...), " ")))
	return Root{filepath.Join(cache, "ringback", fmt.Sprintf("%s-%s", r.Folder, hex.EncodeToString(sum[:4])))}, nil
}

// Libraries are the folders that hold the release's own C library and all the
// others. Debian 11 and 12 keep the C library in /lib.
func (r Root) Libraries() []string {
	return []string{filepath.Join(r.Dir, "usr/lib", Triplet()), filepath.Join(r.Dir, "lib", Triplet()), filepath.Join(r.Dir, "usr/lib")}
}

// loader is the release's own dynamic loader. Run through it, a program of
// another Debian meets the C library it was built for, and no chroot is needed.
func (r Root) loader() (string, error) {
	for _, dir := range r.Libraries() {
		path := filepath.Join(dir, machines[runtime.GOARCH].loader)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	return "", fmt.Errorf("debian: no dynamic loader in %s", r.Dir)
}

// Command is the command line that runs a program of the root ("usr/sbin/asterisk").
// library, where it is not "", is put before all others; by the environment it
// would be put before the host's programs too, which have another C library.
func (r Root) Command(library, program string, args ...string) ([]string, error) {
	loader, err := r.loader()
	if err != nil {
		return nil, err
	}
	argv := []string{loader, "--library-path", strings.Join(r.Libraries(), ":")}
	if library != "" {
		argv = append(argv, "--preload", library)
	}
	return append(append(argv, filepath.Join(r.Dir, program)), args...), nil
}

// HostSuite is the release of Debian that this machine runs.
func HostSuite() (string, error) {
	text, err := os.ReadFile(osRelease)
	if err != nil {
		return "", fmt.Errorf("debian: which release this is: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "VERSION_CODENAME="); ok {
			return strings.Trim(name, `"`), nil
		}
	}
	return "", errors.New("debian: " + osRelease + " has no VERSION_CODENAME: this is no release of Debian")
}

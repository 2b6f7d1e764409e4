package pbx

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Release names an Asterisk that Debian's mirror still carries.
type Release string

const (
	// Asterisk22 is the long-term release 22, from Debian forky.
	Asterisk22 Release = "22"
	// Asterisk16 is the old release 16, from Debian bullseye: the last one with
	// Macro and chan_sip.
	Asterisk16 Release = "16"
)

// recipe says what a release is made of.
type recipe struct {
	suite    string
	packages []string
}

var recipes = map[Release]recipe{
	Asterisk22: {suite: "forky", packages: []string{"asterisk", "asterisk-modules", "asterisk-core-sounds-en-gsm", "asterisk-core-sounds-ru-gsm", "libfaketime"}},
	// Bullseye has voicemail in a package of its own.
	Asterisk16: {suite: "bullseye", packages: []string{"asterisk", "asterisk-modules", "asterisk-voicemail", "asterisk-core-sounds-en-gsm", "asterisk-core-sounds-ru-gsm", "libfaketime"}},
}

// languages are those of the sounds, and the folders in which Debian keeps them.
var languages = []struct{ name, voice string }{{"en", "en_US_f_Allison"}, {"ru", "ru_RU_f_IvrvoiceRU"}}

// layout is part of a Root's name: raise it when the way a Root is filled
// changes, and roots of older programs are left alone and not reused.
const layout = "1"

// machine is what Debian calls a processor, and where its files lie.
type machine struct {
	triplet string // of library folders
	loader  string // file name of the dynamic loader
}

var machines = map[string]machine{
	"amd64": {"x86_64-linux-gnu", "ld-linux-x86-64.so.2"},
	"arm64": {"aarch64-linux-gnu", "ld-linux-aarch64.so.1"},
}

// Root is the unpacked files of a release, shared by all its instances, which
// only read it.
type Root struct {
	Release Release
	Dir     string
}

// rootDir names a release's folder under cache. The suffix changes with all
// that decides what is inside.
func rootDir(cache string, r Release) (string, error) {
	rec, ok := recipes[r]
	if !ok {
		return "", fmt.Errorf("pbx: there is no recipe for Asterisk %q", r)
	}
	if _, ok := machines[runtime.GOARCH]; !ok || runtime.GOOS != "linux" {
		return "", fmt.Errorf("pbx: Asterisk can be unpacked on Linux on amd64 and arm64 only, this is %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	sum := sha256.Sum256([]byte(strings.Join(append([]string{layout, rec.suite, runtime.GOARCH}, rec.packages...), " ")))
	return filepath.Join(cache, "ringback", fmt.Sprintf("asterisk-%s-%s", r, hex.EncodeToString(sum[:4]))), nil
}

// libraries are the folders that hold the release's own C library and all the
// others. Debian 11 keeps the C library in /lib, and Asterisk's own in /usr/lib.
func (r Root) libraries() []string {
	t := machines[runtime.GOARCH].triplet
	return []string{filepath.Join(r.Dir, "usr/lib", t), filepath.Join(r.Dir, "lib", t), filepath.Join(r.Dir, "usr/lib")}
}

// loader is the release's own dynamic loader. Run through it, a program of
// another Debian meets the C library it was built for, and no chroot is needed.
func (r Root) loader() (string, error) {
	for _, dir := range r.libraries() {
		path := filepath.Join(dir, machines[runtime.GOARCH].loader)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	return "", fmt.Errorf("pbx: no dynamic loader in %s", r.Dir)
}

// modules is where the release keeps Asterisk's modules; it moved between 16
// and 22.
func (r Root) modules() (string, error) {
	for _, dir := range []string{filepath.Join("usr/lib", machines[runtime.GOARCH].triplet, "asterisk/modules"), "usr/lib/asterisk/modules"} {
		path := filepath.Join(r.Dir, dir)
		if _, err := os.Stat(filepath.Join(path, "chan_pjsip.so")); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("pbx: no Asterisk modules in %s", r.Dir)
}

// arguments is the command line that runs Asterisk from the root.
func (r Root) arguments(args ...string) ([]string, error) {
	return r.preloaded("", args...)
}

// preloaded is arguments with a library that the loader puts before all others;
// "" is none. The environment would put it before the host's programs too, which
// have another C library.
func (r Root) preloaded(library string, args ...string) ([]string, error) {
	loader, err := r.loader()
	if err != nil {
		return nil, err
	}
	argv := []string{loader, "--library-path", strings.Join(r.libraries(), ":")}
	if library != "" {
		argv = append(argv, "--preload", library)
	}
	argv = append(argv, filepath.Join(r.Dir, "usr/sbin/asterisk"))
	return append(argv, args...), nil
}

// Version asks the root's Asterisk for its version, which proves that it runs
// on this machine.
func (r Root) Version() (string, error) {
	argv, err := r.arguments("-V")
	if err != nil {
		return "", err
	}
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("pbx: run asterisk -V from %s: %w: %s", r.Dir, err, strings.TrimSpace(string(out)))
	}
	version := strings.TrimSpace(string(out))
	if !strings.HasPrefix(version, "Asterisk "+string(r.Release)+".") {
		return "", fmt.Errorf("pbx: %s holds %q, not Asterisk %s", r.Dir, version, r.Release)
	}
	return version, nil
}

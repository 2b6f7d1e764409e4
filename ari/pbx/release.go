package pbx

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"ringback/ari/pbx/debian"
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

// recipes say what the releases are made of.
var recipes = map[Release]debian.Recipe{
	Asterisk22: {Suite: "forky", Packages: []string{"asterisk", "asterisk-modules", "asterisk-core-sounds-en-gsm", "asterisk-core-sounds-ru-gsm", "libfaketime"}},
	// Bullseye has voicemail in a package of its own.
	Asterisk16: {Suite: "bullseye", Packages: []string{"asterisk", "asterisk-modules", "asterisk-voicemail", "asterisk-core-sounds-en-gsm", "asterisk-core-sounds-ru-gsm", "libfaketime"}},
}

// languages are those of the sounds, and the folders in which Debian keeps them.
var languages = []struct{ name, voice string }{{"en", "en_US_f_Allison"}, {"ru", "ru_RU_f_IvrvoiceRU"}}

// layout is raised when the way a Root is filled changes.
const layout = "1"

// Root is the unpacked files of a release, shared by all its instances, which
// only read it.
type Root struct {
	Release Release
	debian.Root
}

// recipe is the release's, whole.
func (r Release) recipe() (debian.Recipe, error) {
	recipe, ok := recipes[r]
	if !ok {
		return debian.Recipe{}, fmt.Errorf("pbx: there is no recipe for Asterisk %q", r)
	}
	recipe.What, recipe.Folder = "Asterisk "+string(r), "asterisk-"+string(r)
	recipe.Share, recipe.Layout = []string{"asterisk"}, layout
	recipe.Finish = nameSounds
	recipe.Check = func(root debian.Root) error {
		_, err := Root{r, root}.Version()
		return err
	}
	return recipe, nil
}

// Install makes release r ready under the user's cache folder: see
// debian.Install. It is some 80 MB to download.
func Install(ctx context.Context, r Release, w io.Writer) (Root, error) {
	recipe, err := r.recipe()
	if err != nil {
		return Root{}, err
	}
	root, err := debian.Install(ctx, recipe, w)
	return Root{r, root}, err
}

// nameSounds gives the sounds the name by which Asterisk asks for them.
func nameSounds(root debian.Root) error {
	for _, language := range languages {
		if err := os.Symlink(language.voice, filepath.Join(root.Dir, "usr/share/asterisk/sounds", language.name)); err != nil {
			return fmt.Errorf("pbx: name the sounds: %w", err)
		}
	}
	return nil
}

// modules is where the release keeps Asterisk's modules; it moved between 16
// and 22.
func (r Root) modules() (string, error) {
	for _, dir := range []string{filepath.Join("usr/lib", debian.Triplet(), "asterisk/modules"), "usr/lib/asterisk/modules"} {
		path := filepath.Join(r.Dir, dir)
		if _, err := os.Stat(filepath.Join(path, "chan_pjsip.so")); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("pbx: no Asterisk modules in %s", r.Dir)
}

// asterisk is the program in a Root.
const asterisk = "usr/sbin/asterisk"

// arguments is the command line that runs Asterisk from the root.
func (r Root) arguments(args ...string) ([]string, error) { return r.Command("", asterisk, args...) }

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

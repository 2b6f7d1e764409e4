package debian

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"sort"
	"strings"
)

// source is one place that the host's apt takes packages from.
type source struct {
	uri        string
	suites     []string
	components []string
}

// mirror returns the address of the Debian mirror that the host itself uses,
// so that a company's own mirror or proxy is respected. root is the host's
// file system. Hosts without one in their apt sources are an error which says
// what to add.
func mirror(root fs.FS) (string, error) {
	sources, err := aptSources(root)
	if err != nil {
		return "", err
	}
	best, rank := "", 0
	for _, s := range sources {
		if r := likeness(s); r > rank {
			best, rank = s.uri, r
		}
	}
	if best == "" {
		return "", errors.New("debian: no Debian mirror in /etc/apt/sources.list or /etc/apt/sources.list.d; " +
			"add one: echo 'deb http://deb.debian.org/debian stable main' | sudo tee /etc/apt/sources.list.d/debian.list")
	}
	return strings.TrimSuffix(best, "/"), nil
}

// likeness ranks how much a source looks like the Debian archive itself; 0 is
// not at all. Other vendors sign with other keys, and the security archive
// carries only a part.
func likeness(s source) int {
	if !slices.Contains(s.components, "main") || strings.Contains(s.uri, "security") {
		return 0
	}
	if slices.ContainsFunc(s.suites, func(suite string) bool { return strings.Contains(suite, "security") }) {
		return 0
	}
	u, err := url.Parse(s.uri)
	if err != nil || u.Scheme == "cdrom" {
		return 0
	}
	tail := path.Base(u.Path)
	switch {
	case u.Host == "deb.debian.org", strings.HasSuffix(u.Host, ".debian.org"):
		return 4
	case tail == "debian":
		return 3
	case strings.HasPrefix(u.Scheme, "mirror") && strings.Contains(tail, "debian"):
		return 2 // cloud images: mirror+file:/etc/apt/mirrors/debian.list
	case strings.Contains(u.Path, "/debian"):
		return 1
	}
	return 0
}

// aptSources reads both layouts of apt's sources, in apt's order.
func aptSources(root fs.FS) ([]source, error) {
	names := []string{"etc/apt/sources.list"}
	parts, err := fs.Glob(root, "etc/apt/sources.list.d/*")
	if err != nil {
		return nil, fmt.Errorf("debian: list apt's sources: %w", err)
	}
	sort.Strings(parts)
	var all []source
	for _, name := range append(names, parts...) {
		text, err := fs.ReadFile(root, name)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			continue // a part that only root may read holds a password: not ours
		}
		switch {
		case err != nil:
			return nil, fmt.Errorf("debian: read apt's sources: %w", err)
		case strings.HasSuffix(name, ".list"):
			all = append(all, oneLine(string(text))...)
		case strings.HasSuffix(name, ".sources"):
			all = append(all, deb822(string(text))...)
		}
	}
	return all, nil
}

// oneLine reads sources.list(5)'s old style: deb [options] uri suite component…
func oneLine(text string) []source {
	var all []source
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		rest, ok := strings.CutPrefix(line, "deb")
		if !ok || rest == "" || (rest[0] != ' ' && rest[0] != '\t') {
			continue
		}
		rest = strings.TrimSpace(rest)
		if strings.HasPrefix(rest, "[") {
			_, rest, _ = strings.Cut(rest, "]")
		}
		if words := strings.Fields(rest); len(words) >= 3 {
			all = append(all, source{uri: words[0], suites: words[1:2], components: words[2:]})
		}
	}
	return all
}

// deb822 reads the stanzas of *.sources files.
func deb822(text string) []source {
	var all []source
	fields, last := map[string]string{}, ""
	flush := func() {
		if slices.Contains(strings.Fields(fields["types"]), "deb") && !strings.EqualFold(fields["enabled"], "no") {
			for _, uri := range strings.Fields(fields["uris"]) {
				all = append(all, source{uri, strings.Fields(fields["suites"]), strings.Fields(fields["components"])})
			}
		}
		fields, last = map[string]string{}, ""
	}
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.TrimSpace(line) == "":
			flush()
		case line[0] == ' ' || line[0] == '\t':
			fields[last] += " " + strings.TrimSpace(line)
		default:
			key, value, _ := strings.Cut(line, ":")
			last = strings.ToLower(strings.TrimSpace(key))
			fields[last] = strings.TrimSpace(value)
		}
	}
	flush()
	return all
}

package scenarios

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ringback/ari/pbx"
)

// script is one file of testdata/scenarios/calls: a dialplan, what the phones do
// with it, and what has to come out.
type script struct {
	name, title string
	// parts are the sections, by name, in the names of the PBX that it is played
	// on: see naming.
	parts map[string]string
	// only is the release that can play it; empty: all.
	only    pbx.Release
	private naming
	cast
}

// folder is where the scripts are.
const folder = "../../../testdata/scenarios/calls"

// marker begins a section.
var marker = regexp.MustCompile(`(?m)^-- (\S+) --\n`)

// readScripts reads the scripts that a release (empty: any) can play and whose names match
// only. Those that are played on one PBX are given names of their own there.
func readScripts(t *testing.T, release pbx.Release, only *regexp.Regexp, shared bool) []*script {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	var all []*script
	for i, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		index := 0
		if shared {
			index = i + 1
		}
		s := readScript(strings.TrimSuffix(filepath.Base(file), ".txtar"), string(text), index)
		if only.MatchString(s.name) && (s.only == "" || release == "" || s.only == release) {
			all = append(all, s)
		}
	}
	return all
}

func readScript(name, text string, index int) *script {
	s := &script{name: name, parts: map[string]string{}}
	s.title, _, _ = strings.Cut(text, "\n")
	marks := marker.FindAllStringSubmatchIndex(text, -1)
	body := ""
	for i, m := range marks {
		end := len(text)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		s.parts[text[m[2]:m[3]]] = text[m[1]:end]
		body += text[m[1]:end]
	}
	s.private = newNaming(index, body)
	for part := range s.parts {
		s.parts[part] = s.private.hide(s.parts[part])
	}
	if word, _, _ := strings.Cut(strings.TrimSpace(s.parts["asterisk"]), " "); word != "" {
		s.only = pbx.Release(strings.Trim(word, ":,"))
	}
	s.cast = castOf(s)
	return s
}

// lines are the lines of a section that say something.
func (s *script) lines(part string) []string {
	var lines []string
	for line := range strings.Lines(s.parts[part]) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}

// naming makes what a script names its own on a PBX that it shares with others:
// phones, the trunk, contexts, queues. Index 0 leaves all as it is written.
type naming struct {
	index   int
	forward map[string]string
	back    map[string]string
}

var (
	token  = regexp.MustCompile(`_10X|[A-Za-z0-9_]+(?:-[A-Za-z0-9_]+)*`)
	header = regexp.MustCompile(`(?m)^\[([A-Za-z0-9_-]+)\]`)
	phone  = regexp.MustCompile(`^10[1-9]$`)
)

// common are headers that every configuration has.
var common = []string{"general", "globals", "default", "featuremap", "applicationmap", "default_user", "default_bridge", "zonemessages"}

func newNaming(index int, body string) naming {
	n := naming{index: index, forward: map[string]string{}, back: map[string]string{}}
	if index == 0 {
		return n
	}
	hide := func(name, private string) { n.forward[name], n.back[private] = private, name }
	for _, m := range header.FindAllStringSubmatch(body, -1) {
		if !slices.Contains(common, m[1]) && !phone.MatchString(m[1]) {
			hide(m[1], fmt.Sprintf("%s-s%03d", m[1], index))
			if macro, ok := strings.CutPrefix(m[1], "macro-"); ok { // Macro() and M() leave that out
				hide(macro, fmt.Sprintf("%s-s%03d", macro, index))
			}
		}
	}
	hide("from-trunk", fmt.Sprintf("from-trunk-s%03d", index))
	hide("from-internal", fmt.Sprintf("from-internal-s%03d", index))
	hide("trunk", fmt.Sprintf("trunk%03d", index))
	hide("_10X", fmt.Sprintf("_5%03d0X", index))
	for last := 1; last <= 9; last++ {
		hide(fmt.Sprintf("10%d", last), fmt.Sprintf("5%03d0%d", index, last))
	}
	return n
}

// hide puts the private names into a text, and show takes them out again.
func (n naming) hide(text string) string { return replace(text, n.forward) }
func (n naming) show(text string) string { return replace(text, n.back) }

func replace(text string, names map[string]string) string {
	return token.ReplaceAllStringFunc(text, func(word string) string {
		if other, ok := names[word]; ok {
			return other
		}
		return word
	})
}

// name is one name in the words of the PBX.
func (n naming) name(name string) string {
	if other, ok := n.forward[name]; ok {
		return other
	}
	return name
}

// owned finds the scripts' marks in a name that Asterisk tells.
var owned = regexp.MustCompile(`(?:^|\D)5(\d{3})0[1-9](?:\D|$)|trunk(\d{3})|-s(\d{3})`)

// ownerOf tells by names of channels, endpoints and contexts which script they
// belong to; 0 if to none.
func ownerOf(names ...string) int {
	for _, name := range names {
		for _, mark := range owned.FindAllStringSubmatch(name, -1) {
			for _, digits := range mark[1:] {
				if digits != "" {
					index := 0
					fmt.Sscanf(digits, "%d", &index)
					return index
				}
			}
		}
	}
	return 0
}

// telephone is a phone that a script needs.
type telephone struct {
	user         string // as the PBX knows it
	driver       pbx.Driver
	unregistered bool
}

// phones are those that the script mentions anywhere.
func (s *script) phones() []telephone {
	var list []telephone
	for last := 1; last <= 9; last++ {
		user := s.private.name(fmt.Sprintf("10%d", last))
		word := regexp.MustCompile(`\b` + user + `\b`)
		for _, text := range s.parts {
			if word.MatchString(text) {
				list = append(list, telephone{user: user})
				break
			}
		}
	}
	for _, line := range s.lines("phones") {
		words := strings.Fields(line)
		for i := range list {
			if list[i].user == words[0] {
				list[i].unregistered = slices.Contains(words[1:], "unregistered")
				list[i].driver = driverOf(words[1:])
			}
		}
	}
	return list
}

// trunkDriver is the channel driver of the script's trunk.
func (s *script) trunkDriver() pbx.Driver {
	for _, line := range s.lines("phones") {
		if words := strings.Fields(line); words[0] == s.private.name("trunk") {
			return driverOf(words[1:])
		}
	}
	return ""
}

func driverOf(words []string) pbx.Driver {
	if slices.Contains(words, "chan_sip") {
		return "SIP"
	}
	return ""
}

// own are the sections that are no files of Asterisk.
var own = []string{"dialplan", "story", "want", "but", "phones", "config", "asterisk"}

// files are the further configuration files that the scripts add to, with what
// each adds.
func files(scripts []*script) map[string]string {
	all := map[string]string{}
	for _, s := range scripts {
		for part, text := range s.parts {
			if !slices.Contains(own, part) {
				all["+"+part] += "\n" + text
			}
		}
	}
	return all
}

// dialplan is the script's own, with what its phones dial when it does not say
// itself: each other.
func (s *script) dialplan() string {
	text := s.parts["dialplan"]
	internal := s.private.name("from-internal")
	if !strings.Contains(text, "["+internal+"]") {
		text += fmt.Sprintf("\n[%s]\nexten => %s,1,Dial(PJSIP/${EXTEN},30)\n same => n,Hangup()\n", internal, s.private.name("_10X"))
	}
	return text
}

package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// asteriskSettings are what a configuration file of Asterisk says: section, key,
// value. Names are in lower case, and of several values of a key the last counts,
// as Asterisk reads them.
type asteriskSettings map[string]map[string]string

// mostIncluded bounds how many files one file may include.
const mostIncluded = 50

// readSettings reads a file of a folder of Asterisk's configuration, and what it
// includes. Templates are not followed: what call records need has none.
func readSettings(folder, name string) (asteriskSettings, error) {
	read := asteriskSettings{}
	files := 0
	var include func(name, section string) (string, error)
	include = func(name, section string) (string, error) {
		if files++; files > mostIncluded {
			return section, fmt.Errorf("%s includes too many files", name)
		}
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(folder, name)
		}
		file, err := os.Open(path)
		if err != nil {
			return section, err
		}
		defer file.Close()
		lines := bufio.NewScanner(file)
		for lines.Scan() {
			line, _, _ := strings.Cut(lines.Text(), ";")
			line = strings.TrimSpace(line)
			directive, argument, _ := strings.Cut(line, " ")
			switch key, value, assigned := strings.Cut(line, "="); {
			case directive == "#include" || directive == "#tryinclude":
				within, err := include(strings.Trim(strings.TrimSpace(argument), `"<>`), section)
				if err != nil && directive == "#include" {
					return section, err
				}
				section = within
			case strings.HasPrefix(line, "["):
				section, _, _ = strings.Cut(strings.ToLower(line[1:]), "]")
				if read[section] == nil {
					read[section] = map[string]string{}
				}
			case assigned && read[section] != nil:
				read[section][strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(strings.TrimPrefix(value, ">"))
			}
		}
		return section, lines.Err()
	}
	_, err := include(name, "")
	return read, err
}

// on says what a switch is set to.
func (a asteriskSettings) on(section, key string, otherwise bool) bool {
	value, set := a[section][key]
	if !set {
		return otherwise
	}
	return slices.Contains([]string{"yes", "true", "y", "t", "1", "on"}, strings.ToLower(value))
}

// isHere says whether a PBX runs on this machine.
func isHere(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	if u.Hostname() == "localhost" {
		return true
	}
	ip := net.ParseIP(u.Hostname())
	own, _ := net.InterfaceAddrs()
	return ip != nil && (ip.IsLoopback() || slices.ContainsFunc(own, func(a net.Addr) bool {
		n, ok := a.(*net.IPNet)
		return ok && n.IP.Equal(ip)
	}))
}

// defaultBatchTime is how long Asterisk holds records back in batch mode when
// nothing else is said.
const defaultBatchTime = 300

// checkRecordSettings reads cdr.conf where it can be: on the PBX's own machine, by
// a user who may. What it says is certain, the records themselves only hint at it.
func checkRecordSettings(_ context.Context, s *subject) []finding {
	if !s.pbx.CDR.Kept() || !isHere(s.pbx.URL) {
		return nil
	}
	file := filepath.Join(s.asterisk, "cdr.conf")
	set, err := readSettings(s.asterisk, "cdr.conf")
	if err != nil {
		return nil // the records tell
	}
	write := func(setting, section, reload string) string {
		return fmt.Sprintf("write %s in the section [%s] of %s (FreePBX: of cdr_general_custom.conf beside it), then asterisk -rx '%s'", setting, section, file, reload)
	}
	var list []finding
	say := func(f finding) { list = append(list, f) }
	s.settled = true
	if !set.on("general", "enable", true) {
		say(fail("records", write("enable = yes", "general", "module reload cdr"), "the PBX keeps no call records: enable is off in %s", file))
	}
	if !set.on("general", "unanswered", false) {
		say(warn("records", write("unanswered = yes", "general", "module reload cdr"), "%s", withoutUnanswered))
	}
	if !set.on("general", "channeldefaultenabled", true) {
		say(warn("records", write("channeldefaultenabled = yes", "general", "module reload cdr"), "the PBX keeps records only of calls whose dialplan asks for it (channeldefaultenabled in %s)", file))
	}
	if set.on("general", "batch", false) {
		list = append(list, s.judgeBatch(set, write)...)
	}
	if s.pbx.CDR.CSV != "" {
		list = append(list, judgeCSV(set, file, write)...)
	}
	if len(list) == 0 {
		say(good("records", "%s is as it should be: calls that rang nobody are recorded too (unanswered)", file))
	}
	return list
}

const (
	withoutUnanswered = "the PBX writes no record of a call that rang no phone and was not answered (unanswered is off in cdr.conf): " +
		"who hung up in an announcement before the answer, or was refused, while the daemon was away, is not known"
	withoutColumns = "the parts of one call cannot be put together for certain"
)

// judgeCSV sees that cdr_csv writes, and what tells calls apart. Once its section
// was empty, a reload does not bring it back (measured on 16.28.0 and 22.10.1).
func judgeCSV(set asteriskSettings, file string, write func(setting, section, reload string) string) (list []finding) {
	if len(set["csv"]) == 0 {
		return []finding{fail("records", fmt.Sprintf("write loguniqueid = yes and newcdrcolumns = yes in a section [csv] of %s, then asterisk -rx 'module unload cdr_csv.so' and asterisk -rx 'module load cdr_csv.so'", file),
			"the PBX writes no Master.csv: the section [csv] of %s is empty or missing", file)}
	}
	for _, column := range []string{"loguniqueid", "newcdrcolumns"} {
		if !set.on("csv", column, false) {
			list = append(list, fail("records", write(column+" = yes", "csv", "module reload cdr_csv.so"), "%s is not set in %s: %s", column, file, withoutColumns))
		}
	}
	return list
}

// judgeBatch compares how long records are held back with how long they are
// waited for.
func (s *subject) judgeBatch(set asteriskSettings, write func(setting, section, reload string) string) []finding {
	seconds, err := strconv.Atoi(cmp.Or(set["general"]["time"], strconv.Itoa(defaultBatchTime)))
	if err != nil || seconds <= 0 {
		seconds = defaultBatchTime
	}
	held := time.Duration(seconds) * time.Second
	if s.pbx.CDR.Wait > held {
		return nil
	}
	return []finding{warn("records", fmt.Sprintf("write wait: %s under cdr of this PBX in the configuration of ringback, or %s", held+batchSlack, write("batch = no", "general", "module reload cdr")),
		"the PBX holds records back for up to %s (batch mode), and cdr.wait is %s: calls of the time in which the daemon was away would be told as unconfirmed before they are written", held, s.pbx.CDR.Wait)}
}

// batchSlack is what writing a batch may take.
const batchSlack = 10 * time.Second

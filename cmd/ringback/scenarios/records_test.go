package scenarios

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ringback/ari/call"
	"ringback/ari/cdr"
	"ringback/ari/pbx"
	"ringback/robotcall"
)

var verbose = os.Getenv("JUDGE") != ""

// verdicts are the verdicts of the callers and the calls out, without who rang.
func verdicts(lines []string) []string {
	var list []string
	for _, l := range lines {
		if strings.Contains(l, ": internal ") {
			continue
		}
		l, _, _ = strings.Cut(l, ", ")
		list = append(list, l)
	}
	return list
}

func judge() cdr.Judge {
	return cdr.Judge{Options: call.Options{PBX: "main", Inbound: []string{"from-trunk"}, OwnPrefix: robotcall.ChannelPrefix, Trunks: []string{"PJSIP/trunk", "SIP/trunk"},
		Phones: []string{"PJSIP/101", "PJSIP/102", "PJSIP/103", "SIP/101", "SIP/102", "SIP/103"}}}
}

func TestRecords(t *testing.T) {
	scripts := map[string]*script{}
	for _, s := range readScripts(t, "", regexp.MustCompile(*only), false) {
		scripts[s.name] = s
	}
	judges := bench{}
	for _, release := range []pbx.Release{pbx.Asterisk22, pbx.Asterisk16} {
		all := readKept(t, release)
		agree, total := map[string]int{}, map[string]int{}
		for _, name := range slices.Sorted(maps.Keys(all)) {
			s := scripts[name]
			if s == nil {
				continue
			}
			whole := all[name].log(t)
			bare := cdr.Log{Records: slices.Clone(whole.Records)}
			for i := range bare.Records {
				bare.Records[i].LinkedID = ""
			}
			for _, way := range []struct {
				name string
				log  cdr.Log
			}{
				{"cdr", cdr.Log{Records: whole.Records}}, {"bare", bare},
				{"cel", cdr.Log{Records: whole.Records, Events: whole.Events}},
				{"queue", cdr.Log{Records: whole.Records, Queue: whole.Queue}},
			} {
				var calls []call.Call
				for _, told := range judge().Calls(way.log) {
					calls = append(calls, told.Call)
				}
				got, want := verdicts(s.told(judges.office(t, s, calls), calls)), verdicts(s.wanted())
				total[way.name]++
				if slices.Equal(got, want) {
					agree[way.name]++
				} else if verbose && (os.Getenv("WAY") == "" || os.Getenv("WAY") == way.name) {
					fmt.Printf("%s/%s %s\n      got %s\n     want %s\n", release, name, way.name, strings.Join(got, " // "), strings.Join(want, " // "))
				}
			}
		}
		fmt.Println(release, agree, total)
	}
}

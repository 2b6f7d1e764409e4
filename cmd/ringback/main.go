// Command ringback watches one or several Asterisk PBXes and sees to it that
// no missed call goes unanswered. It promises exit status 0 when all is well,
// 1 when it found a problem, and 2 when it was called wrongly.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

// commands is the command line.
type commands struct {
	Config string `help:"The configuration." default:"/etc/ringback/ringback.yaml" placeholder:"FILE" type:"path"`

	Serve   serveCommand   `cmd:"" help:"Watch the PBXes and keep the leads."`
	Demo    demoCommand    `cmd:"" help:"Watch a missed call become a lead, on a real Asterisk of its own. Needs no configuration."`
	Check   checkCommand   `cmd:"" help:"Say everything that is wrong with the configuration."`
	Doctor  doctorCommand  `cmd:"" help:"Look at every PBX, and say what is right and what to do. Places no call."`
	Record  recordCommand  `cmd:"" help:"Record the events of a PBX, as JSON lines."`
	Replay  replayCommand  `cmd:"" help:"Give the calls of a recording their verdicts, as JSON lines."`
	Plan    planCommand    `cmd:"" help:"Say what would be dialed in the next hours, and why other calls would not."`
	Import  importCommand  `cmd:"" help:"Take the contacts of a CSV or vCard file, after a look at what that would change."`
	Backup  backupCommand  `cmd:"" help:"Copy the database into a file, also while the daemon runs, and read the copy back."`
	User    userCommand    `cmd:"" help:"Who may log in: list, invite, lock, unlock and log out people."`
	Token   tokenCommand   `cmd:"" help:"Tokens of programs that use the API: create, list, revoke."`
	Events  eventsCommand  `cmd:"" help:"What other programs are told: list it, post it once more, try a hook."`
	Alert   alertCommand   `cmd:"" help:"Send somebody a test by one channel, and say what became of it."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

// world is what a command sees of the world outside.
type world struct {
	ctx            context.Context
	config         string
	configNamed    bool // --config was given
	stdin          io.Reader
	stdout, stderr io.Writer
}

// errFound is the exit status 1 of a command that has already said what it found.
var errFound = errors.New("a problem was found")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	w := &world{ctx: ctx, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	os.Exit(run(w, os.Args[1:]))
}

// run carries out a command line and answers with the exit status.
func run(w *world, args []string) (status int) {
	var c commands
	type exit int
	defer func() {
		switch p := recover().(type) {
		case nil:
		case exit: // --help ends so
			status = int(p)
		default:
			panic(p)
		}
	}()
	parser, err := kong.New(&c, kong.Name("ringback"), kong.Writers(w.stdout, w.stderr),
		kong.Exit(func(code int) { panic(exit(code)) }),
		kong.Description("No missed call goes unnoticed, none goes unanswered."))
	if err != nil {
		panic(err) // the command line itself is wrong: a fault of this program
	}
	chosen, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(w.stderr, "ringback: %v\nringback --help lists the commands.\n", err)
		return 2
	}
	w.config = c.Config
	for _, p := range chosen.Path {
		w.configNamed = w.configNamed || p.Flag != nil && p.Flag.Name == "config"
	}
	switch err := chosen.Run(w); {
	case err == nil:
		return 0
	case errors.Is(err, errFound):
		return 1
	default:
		fmt.Fprintf(w.stderr, "ringback: %v\n", err)
		return 1
	}
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(w *world) error {
	fmt.Fprintln(w.stdout, "ringback", version())
	return nil
}

// version is the version that the Go tool built in: the module's, or the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	return "devel"
}

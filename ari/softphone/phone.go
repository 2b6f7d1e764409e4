package softphone

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

func init() {
	// The library logs through one global logger, which has to be set before
	// its first use: what goes wrong reaches the caller as an error, and its
	// remarks on retransmissions would only stain a test's output.
	sip.SetDefaultLogger(slog.New(slog.DiscardHandler))
}

// Options say what a Phone is to be.
type Options struct {
	// Server is host:port of the PBX. A phone that only takes calls needs none,
	// and SetServer gives it one later.
	Server string
	// User is the account's name and the number that others see; "phone" if
	// empty.
	User string
	// Password is the account's; empty for a phone that never registers.
	Password string
	// Name is the name that others see.
	Name string
	// Listen is host:port to listen on; 127.0.0.1 and any port if empty.
	Listen string
	// Tone is the frequency in Hz that the phone plays in each of its calls: 0
	// (silence) or one of Tones.
	Tone int
	// Keys is how a key that is pressed reaches the other side.
	Keys Keys
	// Expires is for how long a registration is asked for; it is renewed after
	// half of that. 0 is two minutes.
	Expires time.Duration
}

// Phone is one telephone. Its methods may be called from several goroutines,
// and it holds as many calls at once as it is given.
type Phone struct {
	opts   Options
	addr   string // host:port, as it listens
	host   string // the same, parted
	port   int
	conn   net.PacketConn
	ua     *sipgo.UserAgent
	client *sipgo.Client

	rings    *inbox[*Incoming]
	messages *inbox[Message]

	life context.Context // until Close
	end  context.CancelFunc
	work sync.WaitGroup // everything that runs for the phone

	mu         sync.Mutex
	server     string
	calls      map[string]*Call // by Call-ID
	waiting    map[*Incoming]struct{}
	unregister func() // stops the renewal of the registration, nil when there is none
}

// New makes a phone that listens when New returns. ctx bounds the making only;
// Close ends the phone.
func New(ctx context.Context, o Options) (*Phone, error) {
	if o.User == "" {
		o.User = "phone"
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.Expires == 0 {
		o.Expires = 2 * time.Minute
	}
	if !known(o.Tone) {
		return nil, fmt.Errorf("softphone: a tone of %d Hz is none of %v", o.Tone, Tones())
	}
	p := &Phone{
		opts: o, server: o.Server, calls: map[string]*Call{}, waiting: map[*Incoming]struct{}{},
		rings: newInbox[*Incoming](), messages: newInbox[Message](),
	}
	var listen net.ListenConfig
	var err error
	if p.conn, err = listen.ListenPacket(ctx, "udp4", o.Listen); err != nil {
		return nil, fmt.Errorf("softphone: listen: %w", err)
	}
	address := p.conn.LocalAddr().(*net.UDPAddr)
	p.addr, p.host, p.port = address.String(), address.IP.String(), address.Port
	p.life, p.end = context.WithCancel(context.Background())
	if err := p.serve(ctx); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// serve connects the phone to its socket and returns when it reads from it.
func (p *Phone) serve(ctx context.Context) error {
	var err error
	if p.ua, err = sipgo.NewUA(sipgo.WithUserAgent("ringback-softphone"), sipgo.WithUserAgentHostname(p.host)); err != nil {
		return fmt.Errorf("softphone: make the user agent: %w", err)
	}
	if p.client, err = sipgo.NewClient(p.ua, sipgo.WithClientAddr(p.addr), sipgo.WithClientConnectionAddr(p.addr)); err != nil {
		return fmt.Errorf("softphone: make the client: %w", err)
	}
	server, err := sipgo.NewServer(p.ua)
	if err != nil {
		return fmt.Errorf("softphone: make the server: %w", err)
	}
	server.OnInvite(p.tracked(p.onInvite))
	server.OnAck(p.tracked(p.onAck))
	server.OnBye(p.tracked(p.onBye))
	server.OnMessage(p.tracked(p.onMessage))
	server.OnNotify(p.tracked(p.onNotify))
	for _, method := range []sip.RequestMethod{sip.OPTIONS, sip.INFO, sip.UPDATE} {
		server.OnRequest(method, p.tracked(p.onUpdate))
	}
	// A CANCEL that comes here has found no call to cancel.
	server.OnCancel(p.tracked(func(req *sip.Request, tx sip.ServerTransaction) {
		respond(req, tx, sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
	}))

	reading := &firstRead{PacketConn: p.conn, begun: make(chan struct{})}
	p.work.Go(func() { _ = server.ServeUDP(reading) }) // ends with an error when Close closes the socket
	select {
	case <-reading.begun:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("softphone: wait for the socket's reader: %w", ctx.Err())
	}
}

// firstRead tells when its first read begins: from then on the library knows
// the socket, and sends from it instead of opening another.
type firstRead struct {
	net.PacketConn
	once  sync.Once
	begun chan struct{}
}

func (f *firstRead) ReadFrom(b []byte) (int, net.Addr, error) {
	f.once.Do(func() { close(f.begun) })
	return f.PacketConn.ReadFrom(b)
}

// tracked lets Close wait for a request that is being handled.
func (p *Phone) tracked(handle sipgo.RequestHandler) sipgo.RequestHandler {
	return func(req *sip.Request, tx sip.ServerTransaction) {
		p.mu.Lock()
		if p.life.Err() != nil {
			p.mu.Unlock()
			return
		}
		p.work.Add(1)
		p.mu.Unlock()
		defer p.work.Done()
		handle(req, tx)
	}
}

// Addr is the host:port at which the phone listens.
func (p *Phone) Addr() string { return p.addr }

// SetServer tells the phone where the PBX is, for phones that were there first.
func (p *Phone) SetServer(server string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.server = server
}

// Calls are the calls that the phone holds, ringing ones that it has placed
// included.
func (p *Phone) Calls() []*Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Values(p.calls))
}

// Always lets the phone handle each call by itself from now on: react runs in
// a goroutine for each. See Ringing, AnswerAfter and Decline. ExpectRing is not
// to be used then.
func (p *Phone) Always(react func(ctx context.Context, in *Incoming)) {
	p.work.Go(func() {
		for {
			in, err := p.ExpectRing(p.life)
			if err != nil {
				return
			}
			p.work.Go(func() { react(p.life, in) })
		}
	})
}

// closeTimeout bounds the farewells of Close: a PBX that is gone answers none,
// and one on a busy machine has been seen to take more than a second.
const closeTimeout = 10 * time.Second

// Close hangs up, unregisters, and ends the phone; nothing of it runs when
// Close returns. Closing twice is no error.
func (p *Phone) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	var failed error
	if p.life.Err() == nil {
		p.declineWaiting()
		for _, c := range p.Calls() {
			failed = errors.Join(failed, c.Hangup(ctx))
		}
		failed = errors.Join(failed, p.Unregister(ctx))
	}
	p.mu.Lock()
	p.end()
	p.mu.Unlock()
	p.conn.Close()
	if p.ua != nil {
		p.ua.Close()
	}
	p.work.Wait()
	if p.ua != nil {
		p.ua.Close() // what was just being sent may have opened a connection of its own
	}
	return failed
}

// declineWaiting refuses what still rings, so that the callers are not left to
// find out.
func (p *Phone) declineWaiting() {
	p.mu.Lock()
	waiting := slices.Collect(maps.Keys(p.waiting))
	p.mu.Unlock()
	for _, in := range waiting {
		_ = in.Reject(sip.StatusTemporarilyUnavailable, "Temporarily Unavailable") // or it was settled meanwhile
	}
}

// uri is an address at the PBX; with an empty user the PBX itself.
func (p *Phone) uri(user string) (sip.Uri, error) {
	p.mu.Lock()
	server := p.server
	p.mu.Unlock()
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		return sip.Uri{}, fmt.Errorf("softphone: the PBX's address %q: %w", server, err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return sip.Uri{}, fmt.Errorf("softphone: the PBX's address %q: %w", server, err)
	}
	return sip.Uri{Scheme: "sip", User: escapeUser(user), Host: host, Port: number}, nil
}

// contact is where the phone wants to be reached.
func (p *Phone) contact() *sip.ContactHeader {
	return &sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: escapeUser(p.opts.User), Host: p.host, Port: p.port}}
}

// respond answers a request finally. The peer repeats a request whose answer
// was lost, so a failure to send needs no further care.
func respond(req *sip.Request, tx sip.ServerTransaction, status int, reason string) {
	_ = tx.Respond(sip.NewResponseFromRequest(req, status, reason, nil))
}

// Refused is the error when the other side answered a request with a final
// status that is no success.
type Refused struct {
	Status int // SIP status, 486 say
	Reason string
}

func (r *Refused) Error() string {
	return fmt.Sprintf("softphone: refused with %d %s", r.Status, r.Reason)
}

var _ io.Closer = (*Phone)(nil)

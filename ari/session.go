package ari

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

const (
	// snapshotTimeout bounds one list of the snapshot, which takes long on a
	// PBX with thousands of channels.
	snapshotTimeout = 15 * time.Second
	// farewell bounds the polite end of a session when the daemon stops.
	farewell = time.Second
	// doubt is taken off the instant when a session was last heard: what the
	// PBX had said by then may still have been on its way.
	doubt = time.Second
)

// session is one websocket. Three goroutines serve it: one reads frames into
// the inbox, one pings, and one waits for the daemon to stop.
type session struct {
	stream *Stream
	conn   *websocket.Conn
	raw    net.Conn
	inbox  *inbox
	opened time.Time    // our clock: since then everything is heard
	heard  atomic.Int64 // our clock, Unix nanoseconds

	ctx    context.Context // ends with the connection
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex
	reason error // why we ended it ourselves
}

// open opens the websocket and starts reading: what the PBX says waits in the
// inbox until the snapshot is there.
func (s *Stream) open(ctx context.Context) (*session, error) {
	conn, raw, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	// The library closes the connection at its limit. Ours skips the frame.
	conn.SetReadLimit(-1)
	ses := &session{stream: s, conn: conn, raw: raw, opened: time.Now()}
	ses.inbox = newInbox(s.opt.QueueBytes, func(n int64) { s.metrics.queue.Set(float64(n)) })
	ses.heard.Store(ses.opened.UnixNano())
	ses.ctx, ses.cancel = context.WithCancel(context.WithoutCancel(ctx))
	ses.wg.Go(ses.read)
	ses.wg.Go(ses.ping)
	ses.wg.Go(func() { ses.leave(ctx) })
	return ses, nil
}

// dial makes the websocket, and gives the connection below it too: only that
// one can be closed at once whatever the library waits for.
func (s *Stream) dial(ctx context.Context) (*websocket.Conn, net.Conn, error) {
	const path = "/events"
	c := s.client
	ctx, cancel := context.WithTimeout(ctx, c.cfg.timeout())
	defer cancel()
	var raw net.Conn
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { raw = info.Conn },
	})
	req, err := c.request(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, nil, err
	}
	query := url.Values{"app": {c.App()}} // see Client.Subscribe for what it is to hear
	conn, resp, err := websocket.Dial(ctx, c.base+path+"?"+query.Encode(), &websocket.DialOptions{
		HTTPClient: c.http,
		HTTPHeader: req.Header,
	})
	switch {
	case err == nil:
		gather(raw)
		return conn, raw, nil
	case ctx.Err() != nil || resp == nil:
		return nil, nil, c.wrap(http.MethodGet, path, err)
	case resp.StatusCode != http.StatusSwitchingProtocols && resp.StatusCode >= 300:
		return nil, nil, c.refusal(http.MethodGet, path, resp)
	}
	return nil, nil, c.wrap(http.MethodGet, path, fmt.Errorf("%w: %w", errNotARI, err))
}

// read moves frames into the inbox until the connection ends.
func (ses *session) read() {
	err := ses.frames()
	ses.inbox.close(fmt.Errorf("ari: pbx %s: %w", ses.stream.client.PBX(), err))
	ses.cancel()
}

func (ses *session) frames() error {
	buf := make([]byte, 16<<10)
	for {
		// No context: it would cost a goroutine a frame. Closing raw ends this.
		_, r, err := ses.conn.Reader(context.Background())
		if err != nil {
			return err
		}
		frame, over, err := ses.frame(r, &buf)
		if err != nil {
			return err
		}
		if over {
			ses.stream.metrics.oversized.Inc()
			continue
		}
		if err := ses.inbox.put(frame, time.Now()); err != nil {
			ses.drop(err)
			return err
		}
	}
}

// frame reads one frame into buf, which grows. Of a frame over maxFrame nothing
// is kept; it is read to its end, so that the session survives it.
func (ses *session) frame(r io.Reader, buf *[]byte) (frame []byte, over bool, err error) {
	n := 0
	for {
		if n == len(*buf) {
			*buf = append(*buf, make([]byte, min(n, maxFrame+1-n))...)
		}
		k, err := r.Read((*buf)[n:])
		n += k
		if err == nil || err == io.EOF { // a part that comes with an error may have come long before it
			ses.heard.Store(time.Now().UnixNano())
		}
		if err == io.EOF {
			return (*buf)[:n], over, nil
		}
		if err != nil {
			return nil, over, err
		}
		if n > maxFrame {
			over, n = true, 0
		}
	}
}

// ping asks for a sign of life at regular times. Anything that was read since
// the question counts as one.
func (ses *session) ping() {
	tick := time.NewTicker(ses.stream.opt.PingEvery)
	defer tick.Stop()
	for {
		select {
		case <-ses.ctx.Done():
			return
		case <-tick.C:
		}
		asked := time.Now()
		ctx, cancel := context.WithTimeout(ses.ctx, ses.stream.opt.PingTimeout)
		err := ses.conn.Ping(ctx)
		late := ctx.Err() == context.DeadlineExceeded
		cancel()
		switch {
		case err == nil:
			ses.heard.Store(time.Now().UnixNano())
		case late && ses.heard.Load() <= asked.UnixNano():
			ses.drop(ErrSilent)
			return
		}
	}
}

// drop ends the session for a reason of our own; the first one stays.
func (ses *session) drop(reason error) {
	ses.mu.Lock()
	if ses.reason == nil {
		ses.reason = reason
	}
	ses.mu.Unlock()
	ses.raw.Close()
}

// leave ends the session politely when the daemon stops: Asterisk notes an
// unfinished close in its log.
func (ses *session) leave(ctx context.Context) {
	select {
	case <-ses.ctx.Done():
		return
	case <-ctx.Done():
	}
	ses.mu.Lock()
	if ses.reason == nil {
		ses.reason = fmt.Errorf("stopped: %w", context.Cause(ctx))
	}
	ses.mu.Unlock()
	_ = ses.raw.SetDeadline(time.Now().Add(farewell))
	_ = ses.conn.Close(websocket.StatusGoingAway, "")
}

// why tells the reason of a session's end better than the error that its end
// has caused elsewhere: our own reason first, then the reader's.
func (ses *session) why(err error) error {
	if ses.ctx.Err() != nil {
		err = ses.inbox.reason()
	}
	ses.close()
	ses.mu.Lock()
	defer ses.mu.Unlock()
	if ses.reason != nil {
		return fmt.Errorf("ari: pbx %s: %w", ses.stream.client.PBX(), ses.reason)
	}
	return err
}

// close ends the session at once and waits until its goroutines are done.
func (ses *session) close() {
	ses.cancel()
	ses.raw.Close()
	ses.wg.Wait()
	_ = ses.conn.CloseNow()
	ses.stream.metrics.queue.Set(0)
}

// learnVersion asks which Asterisk it is: nothing waits for that.
func (ses *session) learnVersion() {
	s := ses.stream
	info, err := s.client.Info(ses.ctx)
	if err != nil {
		return // it is not known then, and the next session asks again
	}
	s.mu.Lock()
	s.status.Version = info.Version
	s.mu.Unlock()
}

func (ses *session) lastHeard() time.Time { return time.Unix(0, ses.heard.Load()) }

// opening asks for what a session begins with, and makes the frame that opens
// it. What is subscribed to waits in the inbox already, so nothing falls between
// the two.
func (ses *session) opening(ctx context.Context) ([]byte, error) {
	s, c := ses.stream, ses.stream.client
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ses.ctx, cancel)() // no session, no snapshot
	if err := c.Subscribe(ctx); err != nil {
		return nil, err
	}
	ses.opened = time.Now()
	if s.opt.EventFilter {
		if err := c.SetEventFilter(ctx, unused); err != nil && ctx.Err() == nil {
			s.log.Warn("the PBX does not thin its events: more of them arrive than are needed", "err", err)
		}
	}
	first := s.sessions == 0
	since := s.lastGood.Add(s.offset - doubt)
	ses.measureClock(ctx)
	if first { // there is no older measure by which the gap's beginning could be told
		since = s.lastGood.Add(s.offset - doubt)
	}
	channels, err := ses.list(ctx, "/channels")
	if err != nil {
		return nil, err
	}
	bridges, err := ses.list(ctx, "/bridges")
	if err != nil {
		return nil, err
	}
	at := ses.opened.Add(s.offset)
	if first && s.opt.WatchedUntil.IsZero() {
		since = time.Time{}
	} else if since.After(at) {
		since = at // the PBX's clock was set back
	}
	return openingFrame(at, since, channels, bridges), nil
}

// measureClock notes what the PBX's clock is ahead of ours. One that does not
// tell its clock is taken to agree with ours.
func (ses *session) measureClock(ctx context.Context) {
	ahead, err := ses.stream.client.Ahead(ctx)
	if err != nil {
		ahead = 0
	}
	ses.stream.offset = ahead
	ses.stream.ahead.Store(int64(ahead))
}

// list asks for one list of the snapshot and checks that it is one.
func (ses *session) list(ctx context.Context, path string) ([]byte, error) {
	c := ses.stream.client
	body, err := c.doWithin(ctx, snapshotTimeout, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	var items []json.RawMessage
	if err := json.Unmarshal(body, &items); err != nil {
		return nil, c.wrap(http.MethodGet, path, errors.Join(errNotARI, err))
	}
	return body, nil
}

package ari

import (
	"bytes"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// counted counts how often it is read.
type counted struct {
	net.Conn
	reads int
}

func (c *counted) Read(p []byte) (int, error) {
	c.reads++
	return c.Conn.Read(p)
}

// What comes fast is read a good deal at a time, all of it and in order, and the
// end of the connection is still told.
func TestGathererReadsManyFramesAtATime(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	const frames, size = 200, 700
	var sent []byte
	for n := range frames {
		sent = append(sent, bytes.Repeat([]byte{byte(n)}, size)...)
	}
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		pace := time.NewTicker(200 * time.Microsecond)
		defer pace.Stop()
		for n := range frames {
			<-pace.C
			if _, err := conn.Write(sent[n*size : (n+1)*size]); err != nil {
				t.Error(err)
			}
		}
	}()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	below := &counted{Conn: conn}
	g := &gatherer{Conn: below}
	gather(g)
	got, err := io.ReadAll(g)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, sent) {
		t.Errorf("%d bytes were sent, and %d read that are not the same", len(sent), len(got))
	}
	if below.reads > frames/2 {
		t.Errorf("%d frames took %d readings", frames, below.reads)
	}
}

// A frame that comes alone is read at once, one that follows soon waits for
// company, and a connection that is not told to gather reads as it always did.
func TestGathererWaitsOnlyForWhatComesFast(t *testing.T) {
	for _, c := range []struct {
		on    bool
		after time.Duration
		took  time.Duration
	}{
		{false, 0, 0}, {true, fast, 0}, {true, fast - time.Millisecond, gatherFor},
	} {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			defer near.Close()
			defer far.Close()
			g := &gatherer{Conn: near}
			if c.on {
				gather(g)
			}
			g.last = time.Now()
			time.Sleep(c.after)
			go far.Write([]byte("frame"))
			start, p := time.Now(), make([]byte, 10)
			n, err := g.Read(p)
			if took := time.Since(start); err != nil || string(p[:n]) != "frame" || took != c.took {
				t.Errorf("gathering %v, %v after the last: read %q, %v in %v, want %v", c.on, c.after, p[:n], err, took, c.took)
			}
		})
	}
}

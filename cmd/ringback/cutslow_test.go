package main

import (
	"database/sql"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestForeignLock has another program hold the database's write lock for
// longer than the daemon waits for it, while the company is rung: what is heard
// meanwhile waits, and is written afterwards.
func TestForeignLock(t *testing.T) {
	t.Parallel()
	s := newSiege(t, siegeOptions{})
	s.start()
	s.watches()
	const held = 20 * time.Second
	l := s.startLoad(*cutRate, held+5*time.Second)
	s.pause(3 * time.Second)
	other, err := sql.Open("sqlite", "file:"+s.o.database+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	conn, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	release := time.After(held)
	const seen = `ringback_ari_events_total{pbx="main"}`
	before := s.metrics()[seen]
	s.until("the daemon says that it is not ready", held, func() bool { return !s.ready() })
	s.until("facts wait in memory", held, func() bool { return s.metrics()["ringback_facts_waiting"] >= 20 })
	<-release
	if n := s.metrics()[seen] - before; n < 100 {
		t.Errorf("only %v events were heard while the database was locked", n)
	}
	if _, err := conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	freed := time.Now()
	s.watches()
	s.until("what waited is written", 30*time.Second, func() bool { return s.metrics()["ringback_facts_waiting"] == 0 })
	t.Logf("locked for %v, all written %v after", held, time.Since(freed).Round(time.Millisecond))
	s.settle(l)
}

// TestDeadReceivers has nobody answer whom the daemon tells: a mail server that
// accepts and says nothing, a CRM that does the same, phones that are not there.
// Leads are written as fast as ever.
func TestDeadReceivers(t *testing.T) {
	t.Parallel()
	s := newSiege(t, siegeOptions{})
	dead := listenInSilence(t)
	file := filepath.Join(s.dir, "ringback.yaml")
	text := s.read(file)
	for _, at := range []string{"port: " + s.ears.mailPort(), strings.TrimPrefix(s.ears.crm.URL, "http://")} {
		if !strings.Contains(text, at) {
			t.Fatalf("the configuration does not name %s", at)
		}
	}
	_, port, _ := net.SplitHostPort(dead)
	text = strings.ReplaceAll(text, "port: "+s.ears.mailPort(), "port: "+port)
	text = strings.ReplaceAll(text, strings.TrimPrefix(s.ears.crm.URL, "http://"), dead)
	s.write(map[string]string{"ringback.yaml": text})
	if err := s.ears.phone.Close(); err != nil {
		t.Fatal(err)
	}
	s.start()
	s.watches()
	l := s.startLoad(*cutRate, 10*time.Second)
	s.until("the load is over", time.Minute, func() bool { return !l.running() })
	s.until("every call is written", 30*time.Second, func() bool { a := s.audit(); return len(a.lost)+len(a.wrong) == 0 })
	a, m := s.audit(), s.metrics()
	if len(a.doubled)+len(a.needless) > 0 {
		t.Error(a.problems())
	}
	p99 := time.Duration(quantile(m, "ringback_commit_seconds", .99) * float64(time.Second))
	t.Logf("%d callers, %d leads, half of them on disk within %.1f ms, 99%% within %v", a.callers, a.leads, 1000*quantile(m, "ringback_commit_seconds", .5), p99)
	if p99 > time.Second {
		t.Errorf("leads are on disk within %v", p99)
	}
	s.kill() // what it wants to tell would hold up its stop
}

// listenInSilence takes connections, and says nothing, ever.
func listenInSilence(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var open []net.Conn
	var over sync.WaitGroup
	over.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return // the test is over
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
		}
	})
	t.Cleanup(func() {
		listener.Close()
		over.Wait()
		for _, c := range open {
			c.Close()
		}
	})
	return listener.Addr().String()
}

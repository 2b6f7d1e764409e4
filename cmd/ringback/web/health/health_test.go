package health

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestStrangersDoNotWearTheDatabase asks from everywhere at once.
func TestStrangersDoNotWearTheDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked, running atomic.Int32
		var broken error
		p := newProbe(func(ctx context.Context) error {
			if asked.Add(1); running.Add(1) > 1 {
				t.Error("two questions at a time")
			}
			defer running.Add(-1)
			if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > healthTimeout {
				t.Error("a question without an end")
			}
			select {
			case <-time.After(verdictFor / 2):
				return broken
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		crowd := func(want error) {
			t.Helper()
			before := asked.Load()
			var all sync.WaitGroup
			for range 100 {
				all.Go(func() {
					if err := p.verdict(t.Context()); !errors.Is(err, want) {
						t.Errorf("the verdict is %v, want %v", err, want)
					}
				})
			}
			all.Wait()
			if got := asked.Load() - before; got > 1 {
				t.Errorf("100 askers made %d questions", got)
			}
		}
		crowd(nil)
		broken = errors.New("the disk is gone")
		crowd(nil) // still believed
		time.Sleep(verdictFor)
		crowd(broken)
		if asked.Load() != 2 {
			t.Errorf("asked %d times, want 2", asked.Load())
		}
		was := broken
		broken = nil
		crowd(was) // failure is believed as long
		time.Sleep(verdictFor)
		// Whoever asks first hangs up, which is nobody else's business.
		impatient, hangUp := context.WithCancel(t.Context())
		go func() { _ = p.verdict(impatient) }()
		synctest.Wait()
		hangUp()
		crowd(nil)
	})
}

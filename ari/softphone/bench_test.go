package softphone

import (
	"syscall"
	"testing"
	"time"
)

// BenchmarkCalls holds as many calls at once as the largest tests do, each end
// hearing the other, and says what share of a core one end takes.
func BenchmarkCalls(b *testing.B) {
	const calls = 60
	var ends []*media
	for range calls {
		m, err := newMedia("127.0.0.1", 700, RTPKeys)
		if err != nil {
			b.Fatal(err)
		}
		defer m.close()
		ends = append(ends, m)
	}
	for i, m := range ends {
		m.connect(description{audio: ends[i^1].own, keys: payloadKeys})
	}
	for _, m := range ends {
		if err := m.ear.until(b.Context(), nil, 700, true); err != nil {
			b.Fatal(err)
		}
	}
	before, began := processorTime(b), time.Now()
	for b.Loop() {
		time.Sleep(time.Second)
	}
	share := float64(processorTime(b)-before) / float64(time.Since(began)) / calls
	b.ReportMetric(100*share, "%core/call")
}

func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

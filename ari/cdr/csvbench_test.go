package cdr

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkCSV reads the last minute, and the last three hours, of a file of
// 1 GB with 3,600 calls an hour.
func BenchmarkCSV(b *testing.B) {
	path := filepath.Join(b.TempDir(), "Master.csv")
	text, _ := day(100000)
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte(text), 1<<30-int64(len(text))); err != nil { // what is before is never read
		b.Fatal(err)
	}
	for name, since := range map[string]time.Duration{"minute": time.Minute, "hours": 3 * time.Hour} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				log, err := csvSource{path}.Read(b.Context(), dayEnd.Add(-since), time.Time{}, nil)
				if err != nil || len(log.Records) != int(since/time.Second) {
					b.Fatalf("%d records, %v", len(log.Records), err)
				}
			}
		})
	}
}

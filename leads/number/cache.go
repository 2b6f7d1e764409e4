package number

import (
	"strings"
	"sync"
)

const (
	// generation is how many readings a generation of the cache holds; two
	// generations live, so the cache holds at most twice as many (about 300 kB)
	// and never forgets what was just used.
	generation = 1024
	// maxKey is how long a text may be to be kept: longer ones are attacks.
	maxKey = 64
)

// cache remembers readings: one costs some 15 µs, and the same few numbers come
// with every event of a call.
type cache struct {
	mu       sync.Mutex
	young    map[string]Number
	old      map[string]Number
	computed int // readings that were not found
}

func (c *cache) get(raw string, read func(string) Number) Number {
	if len(raw) > maxKey {
		return read(raw)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if n, ok := c.young[raw]; ok {
		return n
	}
	n, ok := c.old[raw]
	if !ok {
		c.computed++
		n = read(raw)
	}
	if len(c.young) >= generation || c.young == nil {
		c.old, c.young = c.young, make(map[string]Number)
	}
	// The text may be a piece of a large frame, which must not be kept with it.
	n.Value = strings.Clone(n.Value)
	c.young[strings.Clone(raw)] = n
	return n
}

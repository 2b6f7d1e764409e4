package softphone

import (
	"context"
	"sync"
)

// inbox keeps what has arrived until somebody asks for it; who puts never
// waits.
type inbox[T any] struct {
	mu    sync.Mutex
	items []T
	more  chan struct{} // holds a token while items may be waiting
}

func newInbox[T any]() *inbox[T] {
	return &inbox[T]{more: make(chan struct{}, 1)}
}

func (b *inbox[T]) put(item T) {
	b.mu.Lock()
	b.items = append(b.items, item)
	b.mu.Unlock()
	b.wake()
}

func (b *inbox[T]) wake() {
	select {
	case b.more <- struct{}{}:
	default:
	}
}

// take returns the oldest item, and waits for one if there is none.
func (b *inbox[T]) take(ctx context.Context) (T, error) {
	for {
		b.mu.Lock()
		if len(b.items) > 0 {
			item := b.items[0]
			b.items = b.items[1:]
			if len(b.items) > 0 {
				b.wake() // another may be waiting beside us
			}
			b.mu.Unlock()
			return item, nil
		}
		b.mu.Unlock()
		select {
		case <-b.more:
		case <-ctx.Done():
			var none T
			return none, context.Cause(ctx)
		}
	}
}

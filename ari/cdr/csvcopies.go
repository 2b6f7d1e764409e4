package cdr

import "hash/maphash"

// copies finds what stands in several files: one that is being copied or
// compressed is there twice. What one file holds several times it holds rightly.
type copies struct {
	seed maphash.Seed
	most map[uint64]int // of each text, in the file that has most of it
	here map[uint64]int // in this one, so far
}

func newCopies() copies {
	return copies{seed: maphash.MakeSeed(), most: map[uint64]int{}}
}

// next says that another file begins.
func (c *copies) next() { c.here = map[uint64]int{} }

// has says whether a file before this one had the text already.
func (c *copies) has(text []byte) bool {
	hash := maphash.Bytes(c.seed, text)
	if c.here[hash]++; c.here[hash] <= c.most[hash] {
		return true
	}
	c.most[hash]++
	return false
}

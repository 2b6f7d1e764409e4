package call

import (
	"runtime"
	"slices"
	"weak"
)

// Held counts what the tracker's maps and lists hold of calls, the ended channels
// that it remembers left out.
func (t *Tracker) Held() int {
	n := len(t.open) + len(t.legs) + len(t.byName) + len(t.bridges)
	for _, f := range t.facts[:cap(t.facts)] {
		if f.Kind != 0 {
			n++
		}
	}
	for _, o := range t.moved[:cap(t.moved)] {
		if o != nil {
			n++
		}
	}
	return n
}

// Remembered counts the ended channels that the tracker remembers.
func (t *Tracker) Remembered() int {
	return max(len(t.gone), len(slices.DeleteFunc(slices.Clone(t.goneRing), func(id string) bool { return id == "" })))
}

// MaxRemembered bounds Remembered.
const MaxRemembered = remembered

// Lives notes the calls and channels that a tracker follows, without keeping them.
type Lives struct {
	legs  map[weak.Pointer[leg]]struct{}
	calls map[weak.Pointer[open]]struct{}
}

// Note takes down what t follows now.
func (v *Lives) Note(t *Tracker) {
	if v.legs == nil {
		v.legs, v.calls = map[weak.Pointer[leg]]struct{}{}, map[weak.Pointer[open]]struct{}{}
	}
	for _, l := range t.legs {
		v.legs[weak.Make(l)] = struct{}{}
	}
	for _, o := range t.open {
		v.calls[weak.Make(o)] = struct{}{}
	}
}

// Noted counts what was noted, Left what of it is still in memory.
func (v *Lives) Noted() int { return len(v.legs) + len(v.calls) }

func (v *Lives) Left() int {
	runtime.GC()
	n := 0
	for l := range v.legs {
		if l.Value() != nil {
			n++
		}
	}
	for o := range v.calls {
		if o.Value() != nil {
			n++
		}
	}
	return n
}

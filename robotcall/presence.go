package robotcall

import (
	"strings"
	"sync"

	"ringback/ari"
)

// presence knows which phones of the house have a channel just now.
type presence struct {
	mu     sync.Mutex
	phones map[phone]int
	live   map[liveChannel]phone
}

type phone struct{ pbx, address string }

type liveChannel struct{ pbx, id string }

// watch names a phone whose channels are counted; the others cost nothing.
func (p *presence) watch(ph phone) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.phones == nil {
		p.phones, p.live = map[phone]int{}, map[liveChannel]phone{}
	}
	p.phones[ph.folded()] = 0
}

// folded is the phone as it is compared: Asterisk finds endpoints whatever
// their letters' case.
func (ph phone) folded() phone { return phone{ph.pbx, strings.ToLower(ph.address)} }

func (p *presence) busy(ph phone) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.phones[ph.folded()] > 0
}

func (p *presence) step(pbx string, ev *ari.Event) {
	switch ev.Type {
	case ari.ChannelCreated:
		p.add(pbx, &ev.Channel)
	case ari.ChannelDestroyed:
		p.mu.Lock()
		p.remove(liveChannel{pbx, ev.Channel.ID})
		p.mu.Unlock()
	case ari.Connected:
		p.mu.Lock()
		for c := range p.live {
			if c.pbx == pbx {
				p.remove(c)
			}
		}
		p.mu.Unlock()
		for i := range ev.Snapshot.Channels {
			p.add(pbx, &ev.Snapshot.Channels[i])
		}
	}
}

func (p *presence) add(pbx string, c *ari.Channel) {
	end := strings.LastIndexByte(c.Name, '-') // "PJSIP/101-00000004"
	if end < 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	ph := phone{pbx, c.Name[:end]}.folded()
	if _, known := p.phones[ph]; !known {
		return
	}
	id := liveChannel{pbx, strings.Clone(c.ID)}
	if _, counted := p.live[id]; counted {
		return
	}
	ph.address = strings.Clone(ph.address)
	p.live[id] = ph
	p.phones[ph]++
}

// remove forgets a channel; the lock is held.
func (p *presence) remove(c liveChannel) {
	if ph, counted := p.live[c]; counted {
		delete(p.live, c)
		p.phones[ph]--
	}
}

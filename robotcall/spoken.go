package robotcall

import (
	"context"
	"slices"
)

// spoken is what managers hear from an exchange.
type spoken struct {
	language string
	prompts  Prompts
}

// everywhere is the language that every Asterisk speaks.
const everywhere = "en"

// counting is no prompt that is ever said: numbers are made of it.
const counting Prompt = "counting"

// core is what Asterisk's own sounds must hold for a language to be spoken.
var core = defaultPrompts.with(Prompts{counting: sounds(keys("0123456789"))})

func (p Prompts) hold(uri string) bool {
	for _, media := range p {
		if slices.Contains(media, uri) {
			return true
		}
	}
	return false
}

// spoken is what an exchange can say to managers, asked once. One that has their
// language only in part speaks English: Asterisk would change between the two in
// mid-sentence.
func (m *Managers) spoken(ctx context.Context, x *Exchange) (spoken, error) {
	if known, ok := m.prompts.Load(x.Name); ok {
		return known.(spoken), nil
	}
	said := spoken{language: m.cfg.Language}
	var missing []string
	var err error
	if said.prompts, missing, err = core.with(m.cfg.Prompts).present(ctx, x.PBX, said.language); err != nil {
		return spoken{}, err
	}
	if said.language != everywhere && slices.ContainsFunc(missing, core.hold) {
		m.cfg.Log.Warn("the PBX lacks sounds in the language of robot.language: managers hear English. Install them (Debian: asterisk-core-sounds-"+
			said.language+"), or record prompts of your own", "pbx", x.Name, "language", said.language, "missing", missing)
		said.language = everywhere
		if said.prompts, missing, err = core.present(ctx, x.PBX, said.language); err != nil {
			return spoken{}, err
		}
	}
	if len(missing) > 0 {
		m.cfg.Log.Warn("the PBX lacks recordings that managers are to hear; they are left out", "pbx", x.Name, "language", said.language, "missing", missing)
	}
	m.prompts.Store(x.Name, said)
	return said, nil
}

// Lacking names what a PBX does not have of all that managers may hear in a
// language, the company's own prompts among it.
func Lacking(ctx context.Context, pbx PBX, language string, own Prompts) ([]string, error) {
	_, missing, err := core.with(own).present(ctx, pbx, language)
	return missing, err
}

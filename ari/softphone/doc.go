// Package softphone promises telephones for tests and the demo whose word can
// be taken against Asterisk's: each plays a tone of its own all the time, and
// tells whose tone it hears, or that it hears a voice, so that "the two were
// talking" is known without asking the PBX.
//
// A Phone registers (or does not: then it is the world outside, at the far end
// of a trunk), rings, answers, declines, calls, sends keys in each of the three
// ways and receives text messages, over SIP on UDP with PCMU audio. It has no
// sound card; it is imported by the demo, the self-test and tests only.
package softphone

// Package pbx promises a real Asterisk of one's own: made from Debian's
// packages without root, chroot or mounts, listening on loopback only, writing
// nowhere but into the user's cache folder and a folder that the caller names,
// and gone when the program that started it is gone, however that ends.
//
// Install makes a release ready once (a Root); Start runs as many instances of
// it as wanted, each on ports and in a folder of its own. Office is the small
// company with phones, lines and a trunk that demo and tests ring.
//
// It is imported by the demo, the self-test and tests only; nothing of a
// host's Asterisk is read or touched.
package pbx

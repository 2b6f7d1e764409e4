// Package debian promises programs of any release of Debian on a Debian host
// without root, chroot or mounts: Install unpacks packages, with their own C
// library, into the user's cache folder once, and Spawn runs what is in them as a
// child that is gone when the program that started it is gone, however that ends.
//
// It is imported by the demo, the self-test and tests only.
package debian

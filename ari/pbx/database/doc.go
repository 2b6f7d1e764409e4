// Package database promises a real MariaDB of one's own, as PBXes keep their call
// records in: made from Debian's packages without root, listening on loopback and
// on a socket, writing nowhere but into the user's cache folder and a folder that
// the caller names, and gone when the program that started it is gone.
//
// It is imported by tests only.
package database

// Package door stands between requests and what answers them. It promises that
// a route is answered only to whom its Access lets in, whatever the route
// itself does; that an answer says no more to others than that they may not;
// and that every request is counted, and its panics caught.
package door

package routing

// Verdict is what became of an inbound call.
type Verdict string

const (
	Answered Verdict = "answered" // a person was reached
	Missed   Verdict = "missed"   // nobody was reached: somebody owes a call back
	Ignored  Verdict = "ignored"  // the configuration says that it does not count
)

// Reason says why a call got its verdict. The vocabulary is closed: pages,
// metrics and the configuration use exactly these words.
type Reason string

const (
	// Person is the only reason of Answered.
	Person Reason = "person"

	// Reasons of Missed that the PBX itself shows.
	AbandonedRinging Reason = "abandoned_ringing" // the caller hung up while phones rang
	NoAnswer         Reason = "no_answer"         // the ring time ran out
	Busy             Reason = "busy"              // every phone was busy
	Rejected         Reason = "rejected"          // every phone declined
	Unreachable      Reason = "unreachable"       // every phone was unregistered or unavailable
	AbandonedQueue   Reason = "abandoned_queue"   // the caller hung up while waiting in a queue
	QueueTimeout     Reason = "queue_timeout"     // the queue let the caller go: waited too long
	QueueFull        Reason = "queue_full"        // the queue let the caller go: no room
	QueueEmpty       Reason = "queue_empty"       // the queue let the caller go: no members
	QueueKey         Reason = "queue_key"         // the caller left the queue by a key
	AbandonedIVR     Reason = "abandoned_ivr"     // the caller hung up in a menu or announcement
	IVREnded         Reason = "ivr_ended"         // the dialplan ended the call after a menu or announcement
	Voicemail        Reason = "voicemail"         // it ended in voicemail
	LostInTransfer   Reason = "lost_in_transfer"  // reached somebody, was transferred, reached nobody there
	Failed           Reason = "failed"            // the PBX could not carry the call
	Unconfirmed      Reason = "unconfirmed"       // it ended while nobody could see, and no call record tells how

	// Reasons of Missed that need the configuration.
	Dropped             Reason = "dropped"              // picked up and gone within min_talk
	ExternalUnconfirmed Reason = "external_unconfirmed" // only an outside leg answered, for less than external_after
	Closed              Reason = "closed"               // outside the pool's hours and nobody was rung

	// Reasons of Ignored.
	Short   Reason = "short"   // hung up within short_abandon
	Handled Reason = "handled" // ended in an application, context or line that the configuration names
	Blocked Reason = "blocked" // on the block list
	Own     Reason = "own"     // placed by the daemon itself
)

// Reasons lists the reasons of each verdict, for checks, pages and metrics.
var Reasons = map[Verdict][]Reason{
	Answered: {Person},
	Missed: {AbandonedRinging, NoAnswer, Busy, Rejected, Unreachable, Dropped, ExternalUnconfirmed,
		AbandonedQueue, QueueTimeout, QueueFull, QueueEmpty, QueueKey, AbandonedIVR, IVREnded,
		Voicemail, Closed, LostInTransfer, Failed, Unconfirmed},
	Ignored: {Short, Handled, Blocked, Own},
}

// GaveUp says that the caller was the one who ended the call: only such a call
// can be too short to count.
func (r Reason) GaveUp() bool {
	return r == AbandonedRinging || r == AbandonedQueue || r == AbandonedIVR
}

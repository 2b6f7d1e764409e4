-- The feed of events for programs: how far each hook has come in the timeline.

CREATE TABLE hooks (
  name        TEXT    PRIMARY KEY,
  told        INTEGER NOT NULL,            -- the last entry that was taken, is not wanted, or waits by itself
  again       INTEGER NOT NULL DEFAULT 0,  -- as told, of a replay; it goes up to again_until
  again_until INTEGER NOT NULL DEFAULT 0,
  asked       INTEGER NOT NULL DEFAULT 0,  -- how many replays were asked for
  delivered   INTEGER NOT NULL DEFAULT 0,  -- when the receiver last took something
  trouble     TEXT    NOT NULL DEFAULT '', -- why it did not take what it last did not take
  troubled    INTEGER NOT NULL DEFAULT 0   -- when that was; 0: nothing of that waits any more
);

-- What waits by itself because the receiver did not take it, or something of the
-- same subject before it, and what was given up.
CREATE TABLE hook_waits (
  hook     TEXT    NOT NULL,
  entry    INTEGER NOT NULL,
  subject  TEXT    NOT NULL,               -- what keeps its order: a lead, or a contact
  replayed INTEGER NOT NULL,
  since    INTEGER NOT NULL,               -- since when it waits
  due      INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  given_up INTEGER NOT NULL DEFAULT 0,     -- when; 0: it waits
  why      TEXT    NOT NULL DEFAULT '',
  PRIMARY KEY (hook, entry)
);
CREATE INDEX hook_waits_given_up ON hook_waits (hook, given_up) WHERE given_up > 0;

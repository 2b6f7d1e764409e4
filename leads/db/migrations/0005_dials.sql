-- What the daemon has dialed, and who may be dialed (package leads/dials).
-- Times are integer milliseconds since 1970 UTC, 0 is not yet.

CREATE TABLE dials (
  id       INTEGER PRIMARY KEY,
  channel  TEXT    NOT NULL UNIQUE,     -- our id of the channel on the PBX
  call     TEXT    NOT NULL,            -- shared by the legs of one call
  pbx      TEXT    NOT NULL,
  trunk    TEXT    NOT NULL,
  kind     TEXT    NOT NULL,            -- manager, reminder, connect
  number   TEXT    NOT NULL,            -- E.164; '': a phone of the house
  device   TEXT    NOT NULL,            -- that phone
  who      TEXT    NOT NULL,            -- login
  job      INTEGER NOT NULL,            -- 0: none
  lead     INTEGER NOT NULL,
  reminder INTEGER NOT NULL,
  booked   INTEGER NOT NULL,            -- before it was placed
  answered INTEGER NOT NULL DEFAULT 0,
  ended    INTEGER NOT NULL DEFAULT 0,
  outcome  TEXT    NOT NULL DEFAULT '', -- see Outcome in package dials
  detail   TEXT    NOT NULL DEFAULT '',
  key      TEXT    NOT NULL DEFAULT ''  -- the last one pressed
);
CREATE INDEX dials_open ON dials (pbx) WHERE ended = 0;
CREATE INDEX dials_booked ON dials (booked);
CREATE INDEX dials_number ON dials (number, booked) WHERE number <> '';
CREATE INDEX dials_who ON dials (who, booked) WHERE who <> '';
CREATE INDEX dials_job ON dials (job) WHERE job > 0;

-- What people said about being called by a machine. Rows are added, and never
-- changed: the newest word about a number counts.
CREATE TABLE consents (
  id     INTEGER PRIMARY KEY,
  number TEXT    NOT NULL,             -- E.164
  kind   TEXT    NOT NULL,             -- agreed, refused
  at     INTEGER NOT NULL,             -- when it was said
  who    TEXT    NOT NULL,             -- who entered it
  how    TEXT    NOT NULL,
  note   TEXT    NOT NULL,
  UNIQUE (number, at, kind)
);

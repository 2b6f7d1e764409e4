-- The promises of package leads/jobs. Times are integer milliseconds since
-- 1970 UTC, 0 is never.

CREATE TABLE jobs (
  id        INTEGER PRIMARY KEY,
  kind      TEXT    NOT NULL,
  lane      TEXT    NOT NULL,
  key       TEXT    NOT NULL UNIQUE,     -- what makes telling twice harmless, also after it is done
  lead      INTEGER NOT NULL,            -- 0: about no lead
  payload   TEXT    NOT NULL,            -- JSON
  made      INTEGER NOT NULL,
  due       INTEGER NOT NULL,            -- of the next attempt; while one runs, of the one booked after it
  expires   INTEGER NOT NULL,
  state     TEXT    NOT NULL,            -- see State in package jobs
  attempt   INTEGER NOT NULL DEFAULT 0,  -- how many were begun
  faults    INTEGER NOT NULL DEFAULT 0,  -- how often in a row our own part failed
  doubt     INTEGER NOT NULL DEFAULT 0,  -- 1: was in hand when a process died, what became of it is not known
  cancelled INTEGER NOT NULL DEFAULT 0,  -- when it was cancelled in mid-work: not to be tried again
  ended     INTEGER NOT NULL DEFAULT 0,
  error     TEXT    NOT NULL DEFAULT ''
);
CREATE INDEX jobs_due ON jobs (kind, lane, due, id) WHERE state = 'waiting';
CREATE INDEX jobs_held ON jobs (kind) WHERE state = 'held';
CREATE INDEX jobs_lead ON jobs (lead, kind) WHERE ended = 0;
CREATE INDEX jobs_ended ON jobs (ended) WHERE ended > 0;

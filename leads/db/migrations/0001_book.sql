-- The Book: contacts, leads, calls and the timeline. Times are integer
-- milliseconds since 1970 UTC; pools, lines and managers are named as in the
-- configuration, which owns them.

CREATE TABLE contacts (
  id      INTEGER PRIMARY KEY,
  name    TEXT    NOT NULL,             -- the number until somebody fills in the card
  named   INTEGER NOT NULL DEFAULT 0,   -- 1: a person gave the name; 0: "needs details"
  manager TEXT    NOT NULL DEFAULT '',  -- responsible: who talked last, or was assigned
  created INTEGER NOT NULL
);

CREATE TABLE numbers (
  number  TEXT    PRIMARY KEY,          -- E.164
  contact INTEGER NOT NULL REFERENCES contacts (id)
);
CREATE INDEX numbers_contact ON numbers (contact);

CREATE TABLE leads (
  id           INTEGER PRIMARY KEY,
  contact      INTEGER REFERENCES contacts (id), -- NULL: a withheld number that left a voicemail
  pool         TEXT    NOT NULL,
  line         TEXT    NOT NULL,        -- the line of the newest missed call
  manager      TEXT    NOT NULL DEFAULT '', -- '': waits unassigned for the pool's opening
  missed       INTEGER NOT NULL,        -- how many missed calls it stands for
  first_missed INTEGER NOT NULL,        -- when the first of them began
  last_missed  INTEGER NOT NULL,        -- when the newest of them began: only a talk after this settles it
  opened       INTEGER NOT NULL,
  ladder       INTEGER NOT NULL DEFAULT 0, -- number of the ladder that is being climbed; older ladders' rungs are void
  told_again   INTEGER NOT NULL DEFAULT 0, -- when "rang again" was told last
  closed       INTEGER,
  outcome      TEXT    NOT NULL DEFAULT '', -- called_back, client_got_through, …
  closed_by    TEXT    NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX leads_one_open ON leads (contact, pool) WHERE closed IS NULL;
CREATE INDEX leads_open ON leads (last_missed) WHERE closed IS NULL;
CREATE INDEX leads_open_of ON leads (manager) WHERE closed IS NULL;
CREATE INDEX leads_waiting ON leads (pool, first_missed) WHERE closed IS NULL AND manager = '';
CREATE INDEX leads_contact ON leads (contact);

CREATE TABLE calls (
  id          INTEGER PRIMARY KEY,
  pbx         TEXT    NOT NULL,
  call        TEXT    NOT NULL,         -- id of the first channel
  direction   TEXT    NOT NULL,         -- inbound, outbound, internal
  caller      TEXT    NOT NULL,
  caller_name TEXT    NOT NULL,         -- hostile text
  dialed      TEXT    NOT NULL,
  line        TEXT    NOT NULL,
  pool        TEXT    NOT NULL,
  started     INTEGER NOT NULL,
  ended       INTEGER,                  -- NULL while it runs
  verdict     TEXT    NOT NULL DEFAULT '',
  reason      TEXT    NOT NULL DEFAULT '',
  wait_ms     INTEGER NOT NULL DEFAULT 0,
  talk_ms     INTEGER NOT NULL DEFAULT 0,
  rang        TEXT    NOT NULL DEFAULT '', -- names of phones, separated by spaces
  answered_by TEXT    NOT NULL DEFAULT '',
  reached     INTEGER NOT NULL DEFAULT 0, -- 1: a talk that may settle: inbound answered, outbound talked
  voicemail   INTEGER NOT NULL DEFAULT 0, -- 1: a message was left
  source      TEXT    NOT NULL,         -- ari, cdr
  contact     INTEGER REFERENCES contacts (id),
  lead        INTEGER REFERENCES leads (id),
  resume      TEXT    NOT NULL DEFAULT '', -- while it runs: what the tracker goes on from after a restart
  UNIQUE (pbx, call)
);
CREATE INDEX calls_open ON calls (pbx) WHERE ended IS NULL;
CREATE INDEX calls_started ON calls (started, id);
CREATE INDEX calls_contact ON calls (contact, started);
CREATE INDEX calls_lead ON calls (lead);
CREATE INDEX calls_running ON calls (contact) WHERE ended IS NULL;
CREATE INDEX calls_settling ON calls (contact, ended) WHERE reached = 1;

-- Somebody tried to reach the contact of a lead by phone.
CREATE TABLE attempts (
  id      INTEGER PRIMARY KEY,
  lead    INTEGER NOT NULL REFERENCES leads (id),
  call    INTEGER NOT NULL REFERENCES calls (id),
  who     TEXT    NOT NULL,             -- login, or the phone when nobody is known to hold it
  started INTEGER NOT NULL,
  talk_ms INTEGER NOT NULL,
  reached INTEGER NOT NULL,             -- 1: they talked long enough
  UNIQUE (lead, call)
);

CREATE TABLE pool_turns (
  pool TEXT PRIMARY KEY,
  last TEXT NOT NULL                    -- login of whoever had the last turn
);

CREATE TABLE timeline (
  id      INTEGER PRIMARY KEY,
  lead    INTEGER REFERENCES leads (id),
  contact INTEGER REFERENCES contacts (id),
  call    INTEGER REFERENCES calls (id),
  at      INTEGER NOT NULL,
  kind    TEXT    NOT NULL,
  who     TEXT    NOT NULL DEFAULT '',  -- login or phone it is about
  channel TEXT    NOT NULL DEFAULT '',
  detail  TEXT    NOT NULL DEFAULT ''
);
CREATE INDEX timeline_lead ON timeline (lead, id);
CREATE INDEX timeline_contact ON timeline (contact, id);

-- The trunks by which calls have come in, as Asterisk names their endpoints.
CREATE TABLE trunks (
  pbx      TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  PRIMARY KEY (pbx, endpoint)
);

-- Until when each PBX was watched: what happened later was not seen.
CREATE TABLE watched (
  pbx   TEXT    PRIMARY KEY,
  until INTEGER NOT NULL
);

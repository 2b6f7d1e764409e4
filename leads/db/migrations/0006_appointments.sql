-- Appointments, and the calls that remind of them. Times are integer
-- milliseconds since 1970 UTC.

CREATE TABLE appointments (
  id       INTEGER PRIMARY KEY,
  ref      TEXT    UNIQUE,             -- how the program that posted it calls it; NULL: it did not say
  posted   TEXT    NOT NULL,           -- digest of what was posted: the same ref with other values is refused
  contact  INTEGER NOT NULL REFERENCES contacts (id),
  number   TEXT    NOT NULL,           -- E.164: what is called
  manager  TEXT    NOT NULL,           -- login; '': nobody yet
  starts   INTEGER NOT NULL,
  shift    INTEGER NOT NULL,           -- seconds east of UTC, as the start was written
  zone     TEXT    NOT NULL,           -- IANA zone of the client; '': not told
  place    TEXT    NOT NULL,
  category TEXT    NOT NULL,
  line     TEXT    NOT NULL,
  language TEXT    NOT NULL,
  fields   TEXT    NOT NULL,           -- JSON object of texts
  state    TEXT    NOT NULL,           -- booked, confirmed, cancel_asked, cancelled
  version  INTEGER NOT NULL,           -- counts the changes
  created  INTEGER NOT NULL,
  changed  INTEGER NOT NULL
);
CREATE INDEX appointments_contact ON appointments (contact, starts);

CREATE TABLE reminders (
  id          INTEGER PRIMARY KEY,
  appointment INTEGER REFERENCES appointments (id), -- NULL: a single call, and the columns from ref on tell of it
  occasion    TEXT    NOT NULL,        -- created, changed, before, single
  due         INTEGER NOT NULL,
  expires     INTEGER NOT NULL,
  outcome     TEXT    NOT NULL,        -- '': it is still to be made
  detail      TEXT    NOT NULL DEFAULT '',
  made        INTEGER NOT NULL,        -- when it was promised
  ended       INTEGER NOT NULL DEFAULT 0,
  ref         TEXT    UNIQUE,
  posted      TEXT    NOT NULL,
  contact     INTEGER REFERENCES contacts (id),
  number      TEXT    NOT NULL,
  manager     TEXT    NOT NULL,
  line        TEXT    NOT NULL,
  zone        TEXT    NOT NULL,
  language    TEXT    NOT NULL,
  media       TEXT    NOT NULL,        -- JSON list
  keys        TEXT    NOT NULL         -- JSON object
);
CREATE INDEX reminders_of ON reminders (appointment);

-- A number that many people share, of a company say, is not the client's own.
ALTER TABLE contacts ADD COLUMN shared INTEGER NOT NULL DEFAULT 0;

ALTER TABLE timeline ADD COLUMN appointment INTEGER REFERENCES appointments (id);
CREATE INDEX timeline_appointment ON timeline (appointment, id) WHERE appointment IS NOT NULL;

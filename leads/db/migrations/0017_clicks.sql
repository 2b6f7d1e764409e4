-- Calls that people have asked for by a click: first their own phone rings, then
-- the client's. What became of the dialing stands in dials, under the job.

CREATE TABLE clicks (
  id      INTEGER PRIMARY KEY,
  who     TEXT    NOT NULL,             -- login of whose phone rings
  how     TEXT    NOT NULL,             -- page, api
  lead    INTEGER NOT NULL,             -- 0: about no lead
  contact INTEGER NOT NULL,             -- 0: none
  number  TEXT    NOT NULL,             -- E.164: who is called
  shown   TEXT    NOT NULL,             -- the number that they are shown; '': what the PBX makes of it
  job     INTEGER NOT NULL DEFAULT 0,   -- that does it; 0: it has not begun
  clicked INTEGER NOT NULL,
  ended   INTEGER NOT NULL DEFAULT 0,   -- 0: still at the phone of who
  why     TEXT    NOT NULL DEFAULT ''   -- 'connected', or why it did not come to that
);
CREATE INDEX clicks_who ON clicks (who, id);
CREATE INDEX clicks_clicked ON clicks (clicked);
CREATE INDEX clicks_contact ON clicks (contact) WHERE contact > 0;

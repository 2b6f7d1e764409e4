-- The intervals in which a PBX was not watched, and what its call records have
-- told of them. Times are integer milliseconds since 1970 UTC, 0 is not yet.

CREATE TABLE blind (
  id          INTEGER PRIMARY KEY,
  pbx         TEXT    NOT NULL,
  since       INTEGER NOT NULL,
  until       INTEGER NOT NULL,
  ahead       INTEGER NOT NULL,            -- what the PBX's clock was ahead of ours, in milliseconds
  cause       TEXT    NOT NULL,            -- see Cause in package leads
  source      TEXT    NOT NULL,            -- the call records that are read; '': there are none
  recovered   INTEGER NOT NULL DEFAULT 0,  -- calls that got their verdict by the records
  missed      INTEGER NOT NULL DEFAULT 0,  -- of these
  unconfirmed INTEGER NOT NULL DEFAULT 0,  -- calls of which no record tells
  error       TEXT    NOT NULL DEFAULT '', -- why the records cannot be read
  finished    INTEGER NOT NULL DEFAULT 0   -- when all of it had been read
);
-- Who could not know whether a row was written writes it again.
CREATE UNIQUE INDEX blind_once ON blind (pbx, since, until);
CREATE INDEX blind_unread ON blind (pbx) WHERE finished = 0;
CREATE INDEX blind_newest ON blind (until);

-- When a PBX was watched for the first time: nothing older opens a lead.
ALTER TABLE watched ADD COLUMN first INTEGER NOT NULL DEFAULT 0;
-- What its clock was ahead of ours then, in milliseconds.
ALTER TABLE watched ADD COLUMN ahead INTEGER NOT NULL DEFAULT 0;
UPDATE watched SET first = until;

-- How late a lead was opened: 0 in time, 1 found late, 2 so late that it is told
-- in a digest and has no ladder until the contact rings again.
ALTER TABLE leads ADD COLUMN late INTEGER NOT NULL DEFAULT 0;

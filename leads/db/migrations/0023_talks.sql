-- What a talk settles: by how long its longest piece was, and when the last ended.
ALTER TABLE calls ADD COLUMN long_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN parted INTEGER NOT NULL DEFAULT 0;
UPDATE calls SET long_ms = talk_ms, parted = started + wait_ms + talk_ms WHERE reached = 1;
DROP INDEX calls_settling;
CREATE INDEX calls_settling ON calls (contact, parted) WHERE reached = 1;

-- How far the ladder of a lead has been climbed, who has taken the lead on, and
-- whether its manager is to be rung about it.

ALTER TABLE leads ADD COLUMN rung         INTEGER NOT NULL DEFAULT 0; -- how many rungs of its ladder have been climbed
ALTER TABLE leads ADD COLUMN rung_due     INTEGER NOT NULL DEFAULT 0; -- when the next is due by itself, however long it is put off
ALTER TABLE leads ADD COLUMN ack_by       TEXT    NOT NULL DEFAULT ''; -- who has acknowledged it last
ALTER TABLE leads ADD COLUMN ack_until    INTEGER NOT NULL DEFAULT 0; -- until when its ladder rests for that
ALTER TABLE leads ADD COLUMN call_due     INTEGER NOT NULL DEFAULT 0; -- since when its manager is to be rung about it; 0: they are not
ALTER TABLE leads ADD COLUMN called_ahead INTEGER NOT NULL DEFAULT 0; -- 1: its manager has heard of it in a call before its own rung said so
ALTER TABLE leads ADD COLUMN suspicious   INTEGER NOT NULL DEFAULT 0; -- 1: hung up at once, and never rang before: no ladder until they ring again

-- Of ladders that are being climbed it is known by their alerts that they have begun.
UPDATE leads SET rung = 1 WHERE EXISTS (SELECT 1 FROM timeline t WHERE t.lead = leads.id AND t.kind LIKE 'alert_%');

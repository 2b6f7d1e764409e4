-- Whose doing an entry tells: a person's, or api:NAME of a program; '': nobody's.
ALTER TABLE timeline ADD COLUMN author TEXT NOT NULL DEFAULT '';
UPDATE timeline SET author = CASE WHEN actor <> '' THEN actor WHEN kind = 'handed_on' THEN detail ELSE who END
	WHERE actor <> '' OR kind = 'handed_on' AND channel NOT IN ('ladder', 'absence')
		OR kind IN ('asked', 'tried', 'talked_other', 'closed', 'acknowledged', 'noted', 'later', 'away', 'back', 'chose', 'click_call', 'card_changed', 'merged',
			'joined', 'agreed', 'refused');
CREATE INDEX timeline_author ON timeline (author, id) WHERE author <> '';
CREATE INDEX timeline_deeds ON timeline (id) WHERE author <> '';

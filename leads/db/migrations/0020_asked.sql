-- What a lead is about that was opened by hand, or joined: as it was said last.
ALTER TABLE leads ADD COLUMN asked TEXT NOT NULL DEFAULT '';
UPDATE leads SET asked = COALESCE((SELECT t.detail FROM timeline t WHERE t.lead = leads.id AND t.kind = 'asked' ORDER BY t.id DESC LIMIT 1), '')
	WHERE closed IS NULL;

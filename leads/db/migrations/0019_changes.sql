-- What was changed of a card, from what to what: a list of {"field", "from", "to"} as
-- JSON, or nothing.
ALTER TABLE timeline ADD COLUMN changes TEXT NOT NULL DEFAULT '';

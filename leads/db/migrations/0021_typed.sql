-- The number at which somebody is to be called back, of a lead for which a person has
-- typed it; '': the contact's first.
ALTER TABLE leads ADD COLUMN number TEXT NOT NULL DEFAULT '';

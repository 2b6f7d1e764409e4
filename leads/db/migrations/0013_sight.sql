-- What lists, searches and reports go by.

-- Login of whose call it is: who talked, or placed it; of a missed one whose lead
-- it is; '': nobody's. Who answered before this was kept is not known by login.
ALTER TABLE calls ADD COLUMN manager TEXT NOT NULL DEFAULT '';
UPDATE calls SET manager = (SELECT l.manager FROM leads l WHERE l.id = calls.lead) WHERE lead IS NOT NULL;
CREATE INDEX calls_manager ON calls (manager, started) WHERE manager <> '';
CREATE INDEX calls_pool ON calls (pool, started) WHERE pool <> '';

-- A report asks for the leads of calls that were missed in a time.
CREATE INDEX leads_missed ON leads (first_missed) WHERE missed > 0;

-- The search for any part of a number or a name. It can be made anew from contacts
-- and numbers at any time: another engine has an index of trigrams of its own kind.
CREATE VIRTUAL TABLE search USING fts5 (text, tokenize = 'trigram', content = '', contentless_delete = 1);

-- The contacts that search is to learn anew. Whoever writes a contact leaves a row
-- here, and what keeps the search takes many at once: one by one each would cost
-- ten times as much, in the transaction of a missed call.
CREATE TABLE search_due (contact INTEGER PRIMARY KEY);
INSERT INTO search_due (contact) SELECT id FROM contacts;
CREATE TRIGGER search_renamed AFTER UPDATE OF name ON contacts BEGIN
  INSERT INTO search_due (contact) VALUES (new.id) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER search_removed AFTER DELETE ON contacts BEGIN
  INSERT INTO search_due (contact) VALUES (old.id) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER search_numbered AFTER INSERT ON numbers BEGIN
  INSERT INTO search_due (contact) VALUES (new.contact) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER search_renumbered AFTER UPDATE ON numbers BEGIN
  INSERT INTO search_due (contact) VALUES (old.contact), (new.contact) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER search_unnumbered AFTER DELETE ON numbers BEGIN
  INSERT INTO search_due (contact) VALUES (old.contact) ON CONFLICT DO NOTHING;
END;

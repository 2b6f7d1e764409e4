-- What lists, searches and reports go by.

-- Login of whose call it is: who talked, or placed it; of a missed one whose lead
-- it is; '': nobody's. Who answered before this was kept is not known by login.
ALTER TABLE calls ADD COLUMN manager TEXT NOT NULL DEFAULT '';
UPDATE calls SET manager = (SELECT l.manager FROM leads l WHERE l.id = calls.lead) WHERE lead IS NOT NULL;
CREATE INDEX calls_manager ON calls (manager, started) WHERE manager <> '';
CREATE INDEX calls_pool ON calls (pool, started) WHERE pool <> '';

-- A report asks for the leads of calls that were missed in a time.
CREATE INDEX leads_missed ON leads (first_missed) WHERE missed > 0;

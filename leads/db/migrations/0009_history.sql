-- What is older than is kept is removed: these find it, and what refers to it,
-- without reading whole tables.

CREATE INDEX leads_closed ON leads (closed, id) WHERE closed IS NOT NULL;
CREATE INDEX attempts_call ON attempts (call);
CREATE INDEX timeline_call ON timeline (call) WHERE call IS NOT NULL;
CREATE INDEX reminders_contact ON reminders (contact) WHERE contact IS NOT NULL;

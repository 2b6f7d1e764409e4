-- What programs and people add to contacts. A contact that was merged into
-- another stays as a row without numbers, so that who asks for it by its id, or
-- by the id that another program gave it, is led on.

ALTER TABLE contacts ADD COLUMN external_id TEXT;                 -- how the company's other program calls it; NULL: it has not said
ALTER TABLE contacts ADD COLUMN email       TEXT NOT NULL DEFAULT '';
ALTER TABLE contacts ADD COLUMN note        TEXT NOT NULL DEFAULT '';
ALTER TABLE contacts ADD COLUMN language    TEXT NOT NULL DEFAULT ''; -- '': not known
ALTER TABLE contacts ADD COLUMN merged_into INTEGER;              -- NULL: it was not
CREATE UNIQUE INDEX contacts_external ON contacts (external_id) WHERE external_id IS NOT NULL;
CREATE INDEX contacts_merged ON contacts (merged_into) WHERE merged_into IS NOT NULL;

-- Lists for programs go by these.
CREATE INDEX leads_since ON leads (opened);
CREATE INDEX leads_pool ON leads (pool);
CREATE INDEX leads_manager ON leads (manager);

-- What was answered to requests that carried an Idempotency-Key: asked again,
-- they get the same answer.
CREATE TABLE answers (
  id       INTEGER PRIMARY KEY,
  key      TEXT    NOT NULL UNIQUE,     -- digest of the asker and the key
  asked    TEXT    NOT NULL,            -- digest of the request
  at       INTEGER NOT NULL,
  about    TEXT    NOT NULL,            -- where what was done can be looked at
  code     INTEGER NOT NULL DEFAULT 0,  -- 0: it was done, and died before it was answered
  kind     TEXT    NOT NULL DEFAULT '', -- media type
  location TEXT    NOT NULL DEFAULT '',
  body     BLOB
);
CREATE INDEX answers_at ON answers (at);

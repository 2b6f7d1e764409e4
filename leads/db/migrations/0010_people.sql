-- Accounts, sessions, invitations, tokens and the key of links. Of every secret
-- there is only what recognizes it. Times are integer milliseconds since 1970
-- UTC, 0 is never.

-- What is known of people beside the configuration; who is not there is nobody,
-- whatever stands here.
CREATE TABLE accounts (
  login      TEXT    PRIMARY KEY,
  password   TEXT    NOT NULL DEFAULT '',  -- argon2id, as PHC strings are written; '': none yet
  changed    INTEGER NOT NULL DEFAULT 0,   -- when the password was set
  locked     INTEGER NOT NULL DEFAULT 0,   -- when an administrator has locked it
  links_from INTEGER NOT NULL DEFAULT 0,   -- links made before do not open any more
  language   TEXT    NOT NULL DEFAULT ''   -- the person's own choice
);

CREATE TABLE invites (
  hash    BLOB    PRIMARY KEY,             -- SHA-256 of the secret
  login   TEXT    NOT NULL,
  ends    INTEGER NOT NULL,
  purpose INTEGER NOT NULL                 -- see Invitation in package people
);
CREATE INDEX invites_login ON invites (login);
CREATE INDEX invites_ends ON invites (ends);

CREATE TABLE sessions (
  id      INTEGER PRIMARY KEY,
  hash    BLOB    NOT NULL UNIQUE,         -- SHA-256 of the secret in the cookie
  login   TEXT    NOT NULL,
  begun   INTEGER NOT NULL,
  seen    INTEGER NOT NULL,                -- to the minute
  ends    INTEGER NOT NULL,                -- at the latest
  device  TEXT    NOT NULL,                -- as the browser names itself
  address TEXT    NOT NULL
);
CREATE INDEX sessions_login ON sessions (login, seen);
CREATE INDEX sessions_seen ON sessions (seen);
CREATE INDEX sessions_ends ON sessions (ends);

CREATE TABLE tokens (
  id     INTEGER PRIMARY KEY,
  name   TEXT    NOT NULL UNIQUE,
  hash   BLOB    NOT NULL UNIQUE,          -- SHA-256 of the token
  scopes TEXT    NOT NULL,                 -- parted by commas
  made   INTEGER NOT NULL,
  ends   INTEGER NOT NULL,                 -- 0: never
  used   INTEGER NOT NULL DEFAULT 0        -- to the minute
);

CREATE TABLE keys (
  name   TEXT PRIMARY KEY,
  secret BLOB NOT NULL
);

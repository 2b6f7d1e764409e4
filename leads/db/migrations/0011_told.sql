-- How people want to be told, and what is held back for them.
-- Times are integer milliseconds since 1970 UTC.

-- When somebody is away. until_at of whoever has not said when they come back is
-- the end of the year 9999.
CREATE TABLE absences (
  id       INTEGER PRIMARY KEY,
  login    TEXT    NOT NULL,
  from_at  INTEGER NOT NULL,
  until_at INTEGER NOT NULL,
  said_by  TEXT    NOT NULL
);
CREATE INDEX absences_of ON absences (login, until_at);
CREATE INDEX absences_end ON absences (until_at);

-- What somebody has chosen: see Choices in package told.
CREATE TABLE choices (
  login TEXT PRIMARY KEY,
  text  TEXT NOT NULL
);

-- Messages that wait for the end of somebody's quiet time, or for their digest.
CREATE TABLE held (
  id       INTEGER PRIMARY KEY,
  login    TEXT    NOT NULL,
  lead     INTEGER NOT NULL,             -- 0: none
  ref      TEXT    NOT NULL,             -- the message's id, without a channel
  message  TEXT    NOT NULL,             -- see Message in package alert
  digest   INTEGER NOT NULL,             -- 1: it goes into a list
  until_at INTEGER NOT NULL
);
CREATE INDEX held_for ON held (login, until_at);

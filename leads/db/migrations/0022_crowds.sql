-- How many alerts about leads somebody had one by one, since when: too many in a
-- short time are told in a list.
CREATE TABLE crowds (
  login TEXT PRIMARY KEY,
  since INTEGER NOT NULL,
  told  INTEGER NOT NULL
);

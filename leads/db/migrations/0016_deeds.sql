-- Who did what a timeline tells, where it is told of another: a lead that a
-- supervisor gave to a manager.
ALTER TABLE timeline ADD COLUMN actor TEXT NOT NULL DEFAULT '';

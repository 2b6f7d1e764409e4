-- Why a call got its verdict, in words; '' while it runs, and of calls that ended
-- before this was kept.
ALTER TABLE calls ADD COLUMN explanation TEXT NOT NULL DEFAULT '';

-- How many leads are open, of whom, where, and how many of them are overdue: counted
-- in the index alone, which holds open ones only.
CREATE INDEX leads_open_tally ON leads (manager, pool, rung, suspicious, ack_by, ack_until, opened) WHERE closed IS NULL;

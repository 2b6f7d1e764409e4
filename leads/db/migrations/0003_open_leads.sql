-- A walk through the open leads goes by when they were opened, which never
-- changes: a lead that rings again must not move past the walker.
CREATE INDEX leads_opened ON leads (opened) WHERE closed IS NULL;

-- How often a step was refused for good, apart from how often it was tried: outages are not counted against it.
ALTER TABLE steps ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0;

-- Nanoseconds between two proofs of the newest backup; 0: none.
ALTER TABLE tenants ADD COLUMN prove_every INTEGER NOT NULL DEFAULT 0;

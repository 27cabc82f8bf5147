-- Roles for the decision store in PostgreSQL. Run as the owner of the tables, after `upgrade`:
--   psql -v ON_ERROR_STOP=1 -f roles.sql DATABASE
-- They cannot log in: grant one to each user of yours, such as GRANT cds_app TO service_user.
--   cds_app        the service: adds decisions and feedback, changes and deletes none; remembers tokens for a while
--   cds_reader     listing, verifying, showing, replaying, exporting; adds to the journal who looked
--   cds_retention  purging and re-encryption of payloads, legal holds; adds to the journal what it did
DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['cds_app', 'cds_reader', 'cds_retention'] LOOP
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = name) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', name);
    END IF;
  END LOOP;
END $$;

REVOKE ALL ON writer, journal, payload, purged, decision, determination, card, feedback, token_use, policy_package,
  alembic_version FROM PUBLIC, cds_app, cds_reader, cds_retention;
GRANT SELECT ON writer, journal, payload, purged, decision, determination, card, feedback, policy_package,
  alembic_version TO cds_app, cds_reader, cds_retention;
GRANT INSERT ON writer, journal, payload, decision, determination, card, feedback, policy_package TO cds_app;
GRANT INSERT ON writer, journal TO cds_reader;
GRANT INSERT ON writer, journal, payload, purged TO cds_retention;
GRANT SELECT, INSERT, DELETE ON token_use TO cds_app;
GRANT UPDATE (sequence, hash) ON writer TO cds_app, cds_reader, cds_retention;
GRANT DELETE ON payload TO cds_retention;

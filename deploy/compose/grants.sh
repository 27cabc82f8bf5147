#!/bin/sh
# Makes the roles of roles.sql, and the user that the service is. Can be run again.
set -eu
PGPASSWORD=$(cat /run/secrets/owner_password)
SERVICE_PASSWORD=$(cat /run/secrets/service_password)
export PGPASSWORD SERVICE_PASSWORD
psql="psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 --host=database --username=cds_owner --dbname=decisions"
$psql --file=/roles.sql
$psql <<'SQL'
\getenv password SERVICE_PASSWORD
SELECT 'CREATE ROLE cds_service LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cds_service') \gexec
ALTER ROLE cds_service PASSWORD :'password';
GRANT cds_app TO cds_service;
SQL

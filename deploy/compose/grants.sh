#!/bin/sh
# Makes the roles of roles.sql, and the user that the service is. Can be run again.
set -eu
secrets=${SECRETS:-/run/secrets}
export PGHOST="${PGHOST:-database}" PGUSER="${PGUSER:-cds_owner}" PGDATABASE="${PGDATABASE:-decisions}"
PGPASSWORD=$(cat "$secrets/owner_password")
SERVICE_PASSWORD=$(cat "$secrets/service_password")
export PGPASSWORD SERVICE_PASSWORD
psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 --file="${ROLES:-/roles.sql}"
psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 <<'SQL'
\getenv password SERVICE_PASSWORD
SELECT 'CREATE ROLE cds_service LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cds_service') \gexec
ALTER ROLE cds_service PASSWORD :'password';
GRANT cds_app TO cds_service;
SQL

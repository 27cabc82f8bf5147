#!/bin/sh
# Makes the secrets of compose.yaml in ./secrets, each once: what is there stays.
set -eu
cd "$(dirname "$0")"
mkdir -p secrets
chmod 700 secrets
made() { [ -s "secrets/$1" ] || printf '%s' "$2" > "secrets/$1"; chmod 644 "secrets/$1"; }
random() { od -An -tx1 -N32 /dev/urandom | tr -d ' \n'; }
made owner_password "$(random)"
made service_password "$(random)"
made owner_database_url "postgresql://cds_owner:$(cat secrets/owner_password)@database/decisions"
made cds_database_url "postgresql://cds_service:$(cat secrets/service_password)@database/decisions"
made cds_encryption_keys "$(date +%Y):$(head -c 32 /dev/urandom | base64 | tr -d '\n')"

#!/usr/bin/env bash
# For a CI that wants format, lints and licences as well as the tests.
set -euo pipefail
cd "$(dirname "$0")/.."
exec cargo xtask check

#!/usr/bin/env bash
# Makes a software key in a file of the daemon's user alone, for development and small installations: whoever can read the file can
# read the data. Run it where the daemon runs, as that user or as root. A key that exists is left as it is, and looked at.
set -euo pipefail
umask 077

KEY="${KEY:-acme}"                    # the key, and the name of its file
DIR="${DIR:-/var/lib/keyside/keys}"   # folder of the files; made with mode 0700 where it is missing
OWNER="${OWNER:-$(id -u)}"            # name or number of the daemon's user; of the container image: 65532
GROUP="${GROUP:-$(id -g "$OWNER" 2>/dev/null || echo "$OWNER")}"
KEYSIDE="${KEYSIDE:-keyside}"         # the program, as that user starts it; words apart, e.g. `node bin/keyside.js`

read -ra PROGRAM <<<"$KEYSIDE"
OWNER_ID="$(id -u "$OWNER" 2>/dev/null || echo "$OWNER")"

# Whatever touches the key is done as its owner, so that it never belongs to anyone else, not even for a moment.
local_kms() {
  if [ "$OWNER_ID" = "$(id -u)" ]; then
    "${PROGRAM[@]}" local-kms "$@" --dir "$DIR"
  else
    setpriv --reuid="$OWNER" --regid="$GROUP" --clear-groups --no-new-privs "${PROGRAM[@]}" local-kms "$@" --dir "$DIR"
  fi
}

if [ "$OWNER_ID" = "$(id -u)" ]; then
  mkdir -p "$DIR"
else
  [ -d "$DIR" ] || install -d -o "$OWNER" -g "$GROUP" -m 0700 "$DIR"
fi

[ -e "$DIR/$KEY.json" ] || local_kms create "$KEY"

# Ends in 1 where the file is none of its own, or open to others.
local_kms list "$KEY"

cat <<TEXT

For the tenants file of Keyside:

  provider: local
  local: { storeFile: $DIR/$KEY.json }

Back the file up like the data it protects. The kill switch: keyside local-kms disable $KEY --dir $DIR
TEXT

#!/bin/sh
# etc-minimal.sh: etc/minimal.conf in front of Postfix's smtp-sink.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
# shellcheck source=tests/support/postfix.sh
. "$top/tests/support/postfix.sh"
# shellcheck source=tests/support/shipped.sh
. "$top/tests/support/shipped.sh"
need swaks perl smtp-sink

must smtpsink_start
shipped minimal.conf '"0.0.0.0:25", "[::]:25"' '"127.0.0.1:@PORT1@"' \
    10.0.0.31:25 "127.0.0.1:$smtpsink_port"
must shipped_gateway minimal

letter sender@example.net user@example.org >"$tmp/letter"
swaks_to "$port1" --to user@example.org --data "@$tmp/letter"
equal "a message" "$swaks_code" 0
arrives "it arrives octet by octet" "$tmp/letter" smtpsink_newest
matches "with the hostname of the file" "$(smtpsink_newest)" 'by mx1\.example\.org '
swaks_to "$port1" --to user@example.com
matches "another domain is refused" "$swaks_out" '^<\*\* 550 5\.7\.1 .*relaying denied'
check "and the log says so" grep -q 'refusals=.*relaying denied' "$gw_log"

stop_well "$gw_pid"
finish

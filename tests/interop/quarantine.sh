#!/bin/sh
# quarantine.sh: messages that a filter wants put aside are written by the agent
# process, for its user alone, before the client hears 250; nobody gets them.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
need swaks

# A name without a dot is what sets the flag.
config() {
	cat <<END
hostname = "gw.example.org"
workers  = 1
listen mx { address = {"127.0.0.1:@PORT1@"}  filters = {hello, aside, copy} }
helo hello { flag = {unqualified, bare-ip} }
quarantine aside { directory = "$tmp/held"  flag = "helo.unqualified" }
quarantine copy  { directory = "$tmp/held"  flag = "helo.bare-ip"  deliver = yes }
backend sink { protocol = maildir  path = "$tmp/mail/%u" }
route all { rcpt-domain = {"example.org"}  backend = sink }
END
}

send() {
	swaks_to "$port1" --from me@example.net --to you@example.org --helo "$1"
	said=$(echo "$swaks_out" | grep '^<[-*][-* ] *[245]' | tail -n 2 | head -n 1)
	line=$(grep 'event=mail' "$gw_log" | tail -n 1)
}
count() { find "$1" -type f 2>/dev/null | awk 'END { print NR }'; }
for_gateway() { [ -z "$(user_line)" ] || chown nobody "$@"; }
says() { "$POSTERND" -n -f "$tmp/check.conf" 2>&1; }

# What would fail with the first message is found before.
{ user_line; config | sed 's/@PORT1@/1/'; } >"$tmp/check.conf"
matches "a directory that is not there is refused" "$(says)" \
    "quarantine 'aside': directory .*/held: No such file"
mkdir -m 755 "$tmp/held"
if [ -n "$(user_line)" ]; then
	matches "and one to which the user can not write" "$(says)" \
	    "check.conf:6: quarantine 'aside': directory .* user nobody can not write to it: Permission denied"
else
	not_run "a directory of somebody else" "not started by root"
fi
for_gateway "$tmp/held"
matches "one that all may enter is warned of" "$(says)" 'warning: .* chmod 0700'
chmod 700 "$tmp/held"
check "a good one is good" "$POSTERND" -n -f "$tmp/check.conf"
mkdir -m 700 "$tmp/mail"
for_gateway "$tmp/mail"

config >"$tmp/gw.in"
must gateway gw <"$tmp/gw.in"
send localhost
matches "the client hears 250" "$said" '250 2\.0\.0 message accepted'
equal "the record's result" "$(key result "$line")" quarantined
file=$tmp/held/$(key quarantine "$line")
check "the file is there" [ -f "$file" ]
matches "for nobody else" "$(find "$tmp/held" ! -type d -ls)" '-rw------- '
text=$(cat "$file")
matches "with the recipient" "$text" '^X-Quarantine-Recipient: <you@example.org>'
matches "and the reason" "$text" '^X-Quarantine-Reason: flag helo.unqualified'
matches "and what was found" "$text" '^X-Quarantine-Fact: helo_faults=unqualified'
matches "and the message" "$text" 'This is a test mailing'
equal "nobody got it" "$(count "$tmp/mail")" 0

send 192.0.2.1
equal "a copy's result" "$(key result "$line")" accepted
equal "the message goes on" "$(count "$tmp/mail")" 1
check "and is kept" [ -f "$tmp/held/$(key quarantine "$line")" ]
equal "nothing else is there" "$(count "$tmp/held")" 2

# Trouble is for the client to wait for.
rm -rf "$tmp/held"
: >"$tmp/held"
send localhost
matches "what can not be written is 451" "$said" '451 4\.3\.0 '
equal "its record" "$(key result "$line")" deferred
equal "nobody got that either" "$(count "$tmp/mail")" 1
matches "the log says why" "$(cat "$gw_log")" 'agent: quarantine aside: Not a directory'
finish

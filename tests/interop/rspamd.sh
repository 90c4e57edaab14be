#!/bin/sh
# rspamd.sh: the filter rspamd against a real one with a configuration of its
# own: GTUBE in all forms, every action, the milter block, another body; then
# rspamd is stopped in its tracks, killed, and started again.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317,SC2046
. "$(dirname "$0")/../support/peers.sh"
# shellcheck source=tests/support/rspamd.sh
. "$top/tests/support/rspamd.sh"
need rspamd swaks
[ -x "$SMTPSINK" ] || { not_run "all" "no $SMTPSINK"; finish; }

rspamd_start "$top/tests/support/rspamd.lua"

must wire_sink inner
must gateway gw <<END
hostname = "gw.example.org"
workers  = 1
limits { reply-deadline = 20s }
listen mx { address = {"127.0.0.1:@PORT1@"} filters = {spam, away} }
listen name { address = {"127.0.0.1:@PORT3@"} filters = {named, again} }
rspamd named { server = {"http://localhost:$rspamd_port"} on-unknown = defer }
rspamd again { server = {"http://127.0.0.1:$rspamd_port"} on-unknown = defer }
listen local { address = {"127.0.0.1:@PORT2@"} filters = {socket} }
rspamd spam {
	server = {"http://127.0.0.1:$rspamd_port"}
	on-unknown = defer  timeout = 3s  breaker = 0
}
rspamd socket { server = {"unix:$rspamd_sock"} on-unknown = reject }
discard away { }
backend inner { protocol = smtp verify = no
	server a { address = "127.0.0.1:$wire_port" } }
route in { rcpt-domain = {"example.org"} backend = inner }
END

# told NAME REPLY HEADER [BODY]
told() {
	printf 'Subject: test\r\n%s\r\n%s\r\n' "$3${3:+
}" "${4:-hello}" | sed 's/\r*$/\r/' >"$tmp/mail"
	swaks_to "${port:-$port1}" --to user@example.org --data "@$tmp/mail"
	said=$(echo "$swaks_out" | grep '^<\*\* ' | tail -n 1)
	[ -n "$said" ] || said=$(echo "$swaks_out" |
	    grep '^<-  250 2\.0\.0 ' | tail -n 1)
	matches "$1" "$said" "^<(-|\*\*) +$2"
}
# got: the message that came last
got() { tr -d '\r' <"$(find "$tmp/inner" -type f ! -name '*.env*' -newer "$tmp/mail" | sort | tail -n 1)"; }

told "ham" "250" ""
matches "what rspamd knew" "$(got)" \
    '^X-Told: 127\.0\.0\.1\|client\.example\.net\|.*\|sender@example\.net\|user@example\.org\|[0-9a-z]+'
port=$port2
told "over a unix socket" "250" ""
told "GTUBE over a unix socket" "550 5\.7\.1 Gtube" "" "X$gtube"
port=$port3
told "two filters ask" "250" ""
spans=$(got | sed -n 's/^X-Trace: //p')
trace=$(grep "event=mail " "$gw_log" | tail -n 1 | sed -n 's/.* trace=\([0-9a-f]*\).*/\1/p')
equal "what both were told is the trace of the record" \
    "$(echo "$spans" | grep -cE "^00-${trace:-none}-[0-9a-f]{16}-01\$")" 2
equal "each request has its own span" "$(echo "$spans" | sort -u | grep -c .)" 2
told "by name" "550 5\.7\.1 Gtube" "" "X$gtube"
port=
told "GTUBE" "550 5\.7\.1 Gtube pattern" "" "X$gtube"
told "GTUBE for add header" "250" "" "Y$gtube"
matches "its field" "$(got)" '^X-Spam: Yes'
told "GTUBE for rewrite subject" "250" "" "Z$gtube"
matches "its subject" "$(got)" '^Subject: .*SPAM.* test'
told "no action" "250" "X-Force: no action"
told "greylist alone" "250" "X-Force: greylist"
told "soft reject" "451 4\.7\.1 forced soft reject" "X-Force: soft reject"
told "reject" "550 5\.7\.1 forced reject" "X-Force: reject"
told "add header" "250" "X-Force: add header"
matches "its field, too" "$(got)" '^X-Spam: Yes'
told "rewrite subject" "250" "X-Force: rewrite subject"
matches "its subject, too" "$(got)" '^Subject: .*SPAM.* test'
told "quarantine" "250" "X-Force: quarantine"
matches "sets a flag" "$(grep "event=mail " "$gw_log" | tail -n 1)" \
    'result=accepted .*flags=quarantine'
came=$(find "$tmp/inner" -type f | wc -l)
told "discard" "250" "X-Force: discard"
matches "sets a flag, too" "$(grep "event=mail " "$gw_log" | tail -n 1)" \
    'result=discarded .*flags=discard'
equal "and with the filter discard nothing comes" \
    "$(find "$tmp/inner" -type f | wc -l)" "$came"
told "milter block" "250" "X-Force: milter
X-Old: 1
X-Old: 2
X-All: 1
X-Old: 3
X-All: 2"
text=$(got)
lacks "fields removed" "$text" '^X-(All|Old: [13])'
matches "field left" "$text" '^X-Old: 2'
matches "field added" "$text" '^X-Top: top'
equal "two fields of a name" "$(echo "$text" | grep -c '^X-Two:')" 2
last() { grep "event=mail " "$gw_log" | tail -n 1; }
matches "another sender" "$(grep event=mail "$gw_log")" \
    'from=bounces@example\.net .*to="?user@example\.org'
matches "a copy" "$(cat "$gw_log")" 'copy@example\.org'
told "another recipient" "250" "X-Force: redirect"
matches "took the place" "$(last)" 'result=accepted .*to="?spam@example\.org'
told "good mail, whose rule says what is done instead of reject" "250" \
    "X-Force: instead"
matches "is not discarded" "$(last)" 'result=accepted '
told "quarantine instead of reject" "250" "X-Force: rejected instead"
matches "sets the flag" "$(last)" 'rspamd=reject .*flags=quarantine|flags=quarantine .*rspamd=reject'
told "no action on what would be rejected" "250" "X-Force: nothing"
matches "and it goes on" "$(last)" 'result=accepted .*rspamd=reject|rspamd=reject .*result=accepted'
matches "with the edits" "$(got)" '^X-Told: '
told "another body" "250" "X-Force: body"
text=$(got)
matches "is the changed one" "$text" '^changed'
equal "its header section is there once" "$(echo "$text" | grep -c '^Subject:')" 1
matches "the record" "$(grep "event=mail " "$gw_log" | tail -n 1)" 'rspamd="?no action'

# --- trouble ---------------------------------------------------------------------

kill -STOP $(rspamd_pids)
told "rspamd hangs" "451 4\.7\.1 a check could not" ""
kill -CONT $(rspamd_pids)
told "it goes on" "250" ""
kill9 $(rspamd_pids)
told "rspamd is killed" "451 4\.7\.1 a check could not" ""
port=$port2
told "likewise its socket, with on-unknown = reject" "550 5\.7\.1 a check" ""
port=
rspamd_again
told "it is there again" "250" ""

sed 's/on-unknown = reject//' "$gw_conf" >"$tmp/bad.conf"
matches "on-unknown has to be chosen" \
    "$("$POSTERND" -n -f "$tmp/bad.conf" 2>&1)" \
    "bad.conf:[0-9]+: rspamd 'socket': say what is done"
finish

#!/bin/sh
# etc-submission.sh: etc/submission.conf with a private Dovecot for passwords, in
# front of Postfix's smtp-sink: users send in their own name, under TLS, and
# nobody else sends anything.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
for lib in dovecot postfix shipped; do
	# shellcheck source=/dev/null
	. "$top/tests/support/$lib.sh"
done
need swaks perl openssl smtp-sink
need_dovecot

dovecot_user alice wonderland
must dovecot_start auth-client <<END
auth_mechanisms = plain login
$(dovecot_of submission.conf)
END
must smtpsink_start
must cert submit 2
# The line that the comment shows.
sed -n 's/^#	\(alice .*\)/\1/p' "$top/etc/submission.conf" >"$tmp/senders"

shipped submission.conf '"0.0.0.0:465", "[::]:465"' '"127.0.0.1:@PORT1@"' \
    '"0.0.0.0:587", "[::]:587"' '"127.0.0.1:@PORT2@"' \
    /usr/local/etc/ssl/submit.pem "$tmp/submit.crt" \
    /usr/local/etc/ssl/private/submit.key "$tmp/submit.key" \
    /usr/local/etc/postern "$tmp" /var/run/postern "$tmp/control" \
    /var/run/dovecot "$dovecot_run" 10.0.0.41:25 "127.0.0.1:$smtpsink_port"
must shipped_gateway submission

# --- good mail --------------------------------------------------------------------

login="--auth-user alice --auth-password wonderland --from alice@example.org"
for way in "$port1 --tlsc PLAIN" "$port1 --tlsc LOGIN" "$port2 --tls PLAIN" \
    "$port2 --tls LOGIN"; do
	# shellcheck disable=SC2086 # words
	set -- $way
	letter alice@example.org friend@example.net >"$tmp/letter"
	# shellcheck disable=SC2086 # words
	swaks_to "$1" "$2" $login --auth "$3" --to friend@example.net \
	    --data "@$tmp/letter"
	equal "$2, $3: a message" "$swaks_code" 0
	arrives "$2, $3: it arrives octet by octet" "$tmp/letter" smtpsink_newest
	rec=$(record "$gw_log" "$(id_of "$swaks_out")")
	equal "$2, $3: the record has the login" "$(key login "$rec")" alice
	text=$(smtpsink_newest)
	matches "$2, $3: Received says that it was authenticated" "$text" \
	    'with ESMTPSA id'
	lacks "$2, $3: and not from where" "$text" '127\.0\.0\.1|client\.example'
done
submit="--tls $login --auth PLAIN --to friend@example.net"
for from in alice+lists@example.org sales@example.org any@example.com; do
	# shellcheck disable=SC2086 # words
	swaks_to "$port2" $submit --from $from
	equal "alice is also $from" "$swaks_code" 0
done

# --- refusals ---------------------------------------------------------------------

swaks_to "$port2" --to friend@example.net
matches "without TLS nothing goes: 530" "$swaks_out" '^<\*\* 530 5\.7\.0'
lacks "nor is AUTH offered" "$swaks_out" '^<-  250-AUTH'
swaks_to "$port1" --tlsc --from alice@example.org --to friend@example.net
matches "without AUTH: 530" "$swaks_out" '^<~\* 530 5\.7\.0'
check "and the log says so" wait_until 5 grep -q \
    'event=session .*reply="530 5.7.0 authentication required"' "$gw_log"
# shellcheck disable=SC2086 # words
swaks_to "$port2" $submit --auth-password wrong
matches "a wrong password: 535" "$swaks_out" '^<~\* 535 5\.7\.8'
check "and the log says so" wait_until 5 grep -q \
    'event=auth .*result=refused .*tried=alice filter=people' "$gw_log"
# shellcheck disable=SC2086 # words
refused "another's reverse-path" "$port2" own '553 5\.7\.1' \
    'reason=.*bob@example.org.*no address of user alice' \
    $submit --from bob@example.org
# shellcheck disable=SC2086 # words
refused "another's From" "$port2" own '550 5\.7\.1' \
    'reason=.*bob@example.org.*no address of user alice' \
    $submit --h-From '<bob@example.org>'
lacks "no password is in the log" "$(cat "$gw_log")" 'wonderland'

stop_well "$gw_pid"
finish

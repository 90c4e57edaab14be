#!/bin/sh
# dovecot-submission.sh: Dovecot's submission service as a client.  It does AUTH
# for its users and hands their mail to posternd, which it tells by XCLIENT who
# they are.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
# shellcheck source=tests/support/dovecot.sh
. "$top/tests/support/dovecot.sh"
need swaks
need_dovecot
found=no
for d in /usr/lib/dovecot /usr/libexec/dovecot /usr/local/libexec/dovecot \
    /usr/pkg/libexec/dovecot; do
	[ ! -x $d/submission-login ] || found=yes
done
if [ $found = no ]; then
	not_run dovecot-submission "missing: its submission service"
	finish
fi
from=127.0.0.3
free_port $from >/dev/null 2>&1 || from=127.0.0.1

# --- the gateway ----------------------------------------------------------------

mkdir -m 1777 "$tmp/mail"
must gateway gw <<END
hostname = "gw.example.org"
workers  = 2
listen trusted {
	address       = {"127.0.0.1:@PORT1@"}
	xclient-from  = {"127.0.0.1"}
	xclient-login = true
	filters       = {unwanted}
}
listen plain { address = {"127.0.0.1:@PORT2@"} }
access unwanted { deny = {"127.0.0.66"}  text = "not from there" }
backend store { protocol = maildir  path = "$tmp/mail/%u" }
route stored { rcpt-domain = {"example.org"}  backend = store }
END

# --- Dovecot ----------------------------------------------------------------------

dovecot_user alice secret
dovecot_user bob secret

# relaying_to PORT: Dovecot tells whoever listens there who its clients are
relaying_to() {
	dovecot_start port <<-END
	protocols = submission
	hostname = submit.example.org
	submission_relay_host = 127.0.0.1
	submission_relay_port = $1
	submission_relay_trusted = yes
	service submission-login {
	  chroot =
	  inet_listener submission {
	    port = @PORT@
	  }
	}
	END
}
# submit USER ARGS...
submit() {
	_user=$1
	shift
	swaks_to "$dovecot_port" --local-interface $from --auth PLAIN \
	    --auth-user "$_user@example.org" --auth-password secret "$@"
}

# --- trusted: XCLIENT ---------------------------------------------------------------

must relaying_to "$port1"
submit alice --from alice@example.org --to one@example.org
equal "a message of an authenticated user" "$swaks_code" 0
rec=$(record "$gw_log" "$(id_of "$swaks_out")")
equal "the client is who came to Dovecot, the proxy is Dovecot" \
    "$(key client "$rec") $(key proxy "$rec")" "$from 127.0.0.1"
equal "and has the name that it said there" "$(key helo "$rec")" \
    client.example.net
equal "the record has its login" "$(key login "$rec")" alice@example.org
mail=$(cat "$tmp/mail/one/new/"* 2>&1)
matches "Received names the client" "$mail" \
    "^Received: from client.example.net \(\[$from\]\)"
matches "and says that it is authenticated" "$mail" 'with ESMTPA id'

submit alice --from alice@example.org --to two@example.org,three@example.org
equal "two recipients" "$swaks_code" 0
equal "have it" "$(find "$tmp/mail/two/new" "$tmp/mail/three/new" -type f |
    awk 'END { print NR }')" 2

awk 'BEGIN { print "Subject: big\n"
	for (i = 0; i < 40000; i++) print "." i " a line of a big message" }' >"$tmp/big"
submit bob --from bob@example.org --to big@example.org --data "@$tmp/big"
equal "a big message" "$swaks_code" 0
rec=$(record "$gw_log" "$(id_of "$swaks_out")")
equal "of another user" "$(key login "$rec")" bob@example.org
sed -n '/^Subject: big/,$p' "$tmp/mail/big/new/"* | tr -d '\r' >"$tmp/big.came"
check "is what was sent" cmp -n "$(wc -c <"$tmp/big")" "$tmp/big" "$tmp/big.came"

submit alice --from alice@example.org --to x@elsewhere.example.net
matches "what posternd refuses, the user hears in its words" "$swaks_out" \
    '^<\*\* 550 5\.7\.1 .*relaying denied'
if [ $from = 127.0.0.3 ]; then
	from=127.0.0.66
	submit alice --from alice@example.org --to four@example.org
	from=127.0.0.3
	at_least "an address that is denied gets no mail in" "$swaks_code" 1
	lacks "and nothing is delivered for it" "$(ls "$tmp/mail")" four
	check "the filters saw its address" wait_until 5 grep -q \
	    'client=127.0.0.66 proxy=127.0.0.1.*not from there' "$gw_log"
fi
stop "$dovecot_pid"

# --- not trusted: Dovecot is the client -----------------------------------------------

must relaying_to "$port2"
submit alice --from alice@example.org --to five@example.org
equal "where XCLIENT is not offered: a message" "$swaks_code" 0
rec=$(record "$gw_log" "$(id_of "$swaks_out")")
equal "where XCLIENT is not offered: the client is Dovecot itself" \
    "$(key client "$rec") $(key proxy "$rec") $(key login "$rec")" "127.0.0.1  "

lacks "Dovecot has nothing to complain of" "$(cat "$dovecot_log")" \
    'Error|Fatal|Panic'
stop "$dovecot_pid"
stop "$gw_pid"
equal "posternd ends well" "$code" 0
finish

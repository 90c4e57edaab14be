#!/bin/sh
# backend-links.sh: posternd's links to real servers: TLS, AUTH, XCLIENT, PROXY
# and BDAT with a private Postfix (SASL by Dovecot), XCLIENT and BDAT with
# Dovecot's LMTP over TCP.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
# shellcheck source=tests/support/dovecot.sh
. "$top/tests/support/dovecot.sh"
# shellcheck source=tests/support/postfix.sh
. "$top/tests/support/postfix.sh"
need swaks openssl
need_dovecot
need_postfix

must cert mail 2
must cert other 2
pin=$(openssl x509 -in "$tmp/mail.crt" -noout -pubkey |
    openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary |
    openssl base64)
(umask 077 && printf 'open sesame\n' >"$tmp/secret" &&
    printf 'wrong\n' >"$tmp/wrong")

# --- Dovecot: passwords for Postfix, and LMTP ------------------------------------

dovecot_user gw "open sesame"
dovecot_user alice x
must dovecot_start auth-postfix <<END
$(dovecot_lmtp)
auth_mechanisms = plain login
auth_failure_delay = 0
mail_debug = yes
login_trusted_networks = 127.0.0.0/8
service auth {
  unix_listener auth-postfix {
    mode = 0666
  }
}
END

# --- Postfix -----------------------------------------------------------------------

tls_port=$(free_port) smtps_port=$(free_port) xclient_port=$(free_port)
proxy_port=$(free_port) closed_port=$(free_port)
postfix_main <<END
myhostname = mail.example.org
mynetworks =
virtual_mailbox_domains = static:all
virtual_mailbox_maps = static:all
virtual_transport = discard:
smtpd_relay_restrictions = reject_unauth_destination
sasl_restrictions = permit_sasl_authenticated, reject
client_restrictions = check_client_access inline:{ 203.0.113.66=reject }
smtpd_tls_cert_file = $tmp/mail.crt
smtpd_tls_key_file = $tmp/mail.key
smtpd_tls_loglevel = 1
smtpd_sasl_type = dovecot
smtpd_sasl_path = $dovecot_run/auth-postfix
smtpd_tls_auth_only = yes
END
must postfix_start "$closed_port" <<END
127.0.0.1:$tls_port inet n - n - - smtpd -o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes -o smtpd_recipient_restrictions=\$sasl_restrictions
127.0.0.1:$smtps_port inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
127.0.0.1:$xclient_port inet n - n - - smtpd -o smtpd_authorized_xclient_hosts=127.0.0.0/8 -o smtpd_client_restrictions=\$client_restrictions
127.0.0.1:$proxy_port inet n - n - - smtpd -o smtpd_upstream_proxy_protocol=haproxy -o smtpd_client_restrictions=\$client_restrictions
127.0.0.1:$closed_port inet n - n - - smtpd
END

# --- the gateway ---------------------------------------------------------------------

# backend NAME PORT LINES...: and its route, for NAME.test
backend() {
	printf 'backend %s {\n\tprotocol = %s\n\tserver a { address = "127.0.0.1:%s" }\n' \
	    "$1" "${4:-smtp}" "$2"
	printf '\t%s\n}\nroute %s { rcpt-domain = {"%s.test"}  backend = %s }\n' \
	    "$3" "$1" "$1" "$1"
}
good="ca = \"$tmp/mail.crt\"  name = mail.example.org"
# They do not take these servers for broken.
checked="check { interval = 200ms }"
login="user = gw  secret-file = \"$tmp/secret\""
{
	cat <<-END
	hostname = gw.example.org
	workers = 1
	log { level = debug }
	listen in {
	    address = {"127.0.0.1:@PORT1@"}
	    xclient-from = {"127.0.0.1"}
	    xclient-login = yes
	}
	END
	backend tls "$tls_port" "tls { $good }  auth { $login }"
	backend login "$tls_port" \
	    "tls { pin = {\"$pin\"} }  auth { $login  mechanism = login }"
	backend wrong "$tls_port" \
	    "tls { $good }  auth { user = gw  secret-file = \"$tmp/wrong\" }"
	backend nobody "$tls_port" "tls { $good }"
	backend name "$tls_port" "tls { ca = \"$tmp/mail.crt\" }"
	backend authority "$tls_port" \
	    "tls { ca = \"$tmp/other.crt\"  name = mail.example.org }"
	backend smtps "$smtps_port" "tls { mode = implicit  $good }"
	backend none "$xclient_port" "tls { mode = implicit  $good }"
	backend xclient "$xclient_port" "$checked  identify = xclient"
	backend closed "$closed_port" "identify = xclient"
	backend proxy1 "$proxy_port" "$checked  identify = proxy-v1"
	backend proxy2 "$proxy_port" "$checked  identify = proxy-v2"
	backend store "$dovecot_port" "$checked  identify = xclient" lmtp
} >"$tmp/in.conf"
gateway gw <"$tmp/in.conf" || { must false; }

send() { # DOMAIN ARGS...
	_to=$1
	shift
	swaks_to "$port1" --to "${user:-user}@$_to.test" "$@"
	line=$(record "$gw_log" "$(id_of "$swaks_out")")
}
accepted() { # NAME
	if [ "$swaks_code" -eq 0 ]; then ok "$1"; else
		not_ok "$1" "$line
$(tail -n 5 "$pf/log")"
	fi
}
queue_id() {
	printf '%s\n' "$swaks_out" |
	    sed -n 's/.*queued as \([0-9A-Za-z]*\).*/\1/p'
}
logged() { # NAME TEXT: in Postfix's log, behind the message's id
	check "$1" wait_until 10 grep -qE "$(queue_id): $2" "$pf/log"
}

send tls
accepted "STARTTLS and AUTH PLAIN: a message"
logged "and Postfix knows us" \
    'client=localhost\[127.0.0.1\], sasl_method=PLAIN, sasl_username=gw'
equal "the link is verified" "$(key link_tls "$line")" verified
send tls
accepted "a second one"
equal "over the same connection" "$(key link "$line")" pooled
send login
accepted "a pinned key and AUTH LOGIN: a message"
logged "and Postfix knows us" 'client=.*sasl_method=LOGIN, sasl_username=gw'
send smtps
accepted "implicit TLS: a message"
matches "Postfix saw TLS" "$(cat "$pf/log")" 'TLS connection established from'

fault() { # DOMAIN FAULT
	send "$1"
	matches "$2: the client hears 451" "$swaks_out" '^<\*\* 451 4\.3\.0 '
	equal "$2: and the log says why" "$(key fault "$line")" "$2"
}
fault wrong auth-refused
fault name tls-name
fault authority tls-untrusted
fault closed xclient-missing
fault none tls-handshake
send nobody
matches "without AUTH Postfix refuses, and it is no fault of the client" \
    "$swaks_out" '^<\*\* (451|554) '
lacks "no password stands in the log" "$(cat "$gw_log")" \
    'sesame|b3BlbiBz|AGd3AG9wZW4'

# --- XCLIENT ---------------------------------------------------------------------------

for client in 192.0.2.7 198.51.100.9 192.0.2.7; do
	send xclient --xclient-addr "$client" --xclient-name "c.$client.test"
	accepted "XCLIENT: a message of $client"
	logged "Postfix takes it for the client" \
	    "client=c\\.$client\\.test\\[$client\\]"
done
send xclient --xclient-addr 203.0.113.66 --xclient-name bad.test
matches "XCLIENT: Postfix's rules for clients hold" "$swaks_out" \
    '^<\*\* (554 5\.7\.1|451 4)'
matches "and name the client" "$(cat "$pf/log")" \
    'reject: RCPT from bad.test\[203.0.113.66\]'

# --- PROXY -----------------------------------------------------------------------------

for v in 1 2; do
	for client in 192.0.2.7 198.51.100.9; do
		send "proxy$v" --xclient-addr "$client"
		accepted "PROXY version $v: a message of $client"
		logged "Postfix takes it for the client" \
		    "client=unknown\\[$client\\]"
	done
	send "proxy$v" --xclient-addr 203.0.113.66
	matches "PROXY version $v: Postfix's rules for clients hold" \
	    "$swaks_out" '^<\*\* 554 5\.7\.1'
done

# --- LMTP -----------------------------------------------------------------------------

user=alice
for client in 192.0.2.7 198.51.100.9 192.0.2.7; do
	send store --xclient-addr "$client" --helo "h.$client.test"
	accepted "Dovecot: a message of $client"
done
equal "over one connection, told anew each time" "$(key link "$line")" pooled
matches "Dovecot knows the client" \
    "$(mails alice; cat "$dovecot_log")" \
    '198\.51\.100\.9'
user=user

# --- BDAT in one write ------------------------------------------------------------------

gen -n 20 -c 1 -m 20 --to user@smtps.test "127.0.0.1:$port1"
equal "20 messages to Postfix in a row" "$(field ok "$gen_out")" 20
wait_until 5 grep -q 'bdat=' "$pf/log"
lacks "no server obeyed what was in a refused chunk" "$(cat "$gw_log")" \
    'bdat-unswallowed'
lacks "checks took no server for broken" "$(cat "$gw_log")" \
    'event=server .*state=down'
stop "$gw_pid"
matches "Postfix counted BDAT, and the refused one" \
    "$(wait_until 10 grep 'disconnect from.*bdat=[0-9]*/' "$pf/log"
	grep 'disconnect from' "$pf/log")" 'bdat=[0-9]+/[0-9]+'
finish

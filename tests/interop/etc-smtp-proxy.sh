#!/bin/sh
# etc-smtp-proxy.sh: etc/smtp-proxy.conf in front of a private Postfix that wants
# TLS and a password (of Dovecot's): lists, aliases, and an upstream that is not
# who it should be.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
for lib in dovecot postfix shipped; do
	# shellcheck source=/dev/null
	. "$top/tests/support/$lib.sh"
done
need swaks perl openssl
need_dovecot
need_postfix
if ! free_port 127.0.0.3 >/dev/null 2>&1; then
	not_run etc-smtp-proxy "127.0.0.3 is no address of this machine"
	finish
fi

dovecot_user gateway "open sesame"
must dovecot_start auth-postfix <<END
auth_mechanisms = plain login
auth_failure_delay = 0
service auth {
  unix_listener auth-postfix {
    mode = 0666
  }
}
END
must cert ca 2
must cert other 2
must cert smtp 2 ca
smtp_port=$(free_port)
postfix_main <<END
myhostname = smtp.example.org
mynetworks =
virtual_mailbox_domains = example.org
virtual_mailbox_maps = inline:{ alice@example.org=alice/, bob@example.org=bob/ }
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
smtpd_tls_cert_file = $tmp/smtp.crt
smtpd_tls_key_file = $tmp/smtp.key
smtpd_tls_security_level = encrypt
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = $dovecot_run/auth-postfix
END
must postfix_start "$smtp_port" <<END
127.0.0.1:$smtp_port inet n - n - - smtpd
END
has() { [ "$(find "$pf/mail/$1/new" -type f 2>/dev/null | wc -l)" -ge "$2" ]; }
stored() { cat "$pf/mail/$1/new/"*; }

# The files, with the lines that the comment shows.
for list in domains deny-senders deny-rcpts aliases; do
	sed -n "s/^#	$list  *\([^	]*\).*/\1/p" "$top/etc/smtp-proxy.conf" >"$tmp/$list"
done
echo 127.0.0.66 >"$tmp/deny-clients"
(umask 077 && echo "open sesame" >"$tmp/secret")
cp "$tmp/ca.crt" "$tmp/upstream-ca.pem"

proxy() {
	shipped smtp-proxy.conf '"0.0.0.0:25", "[::]:25"' '"127.0.0.1:@PORT1@"' \
	    /usr/local/etc/postern "$tmp" /var/run/postern "$tmp/control" \
	    smtp.example.org:587 "127.0.0.1:$smtp_port"
	shipped_gateway smtp-proxy
}
must proxy

# --- good mail --------------------------------------------------------------------

letter sender@example.net alice@example.org >"$tmp/letter"
swaks_to "$port1" --to alice@example.org --data "@$tmp/letter"
equal "a message" "$swaks_code" 0
rec=$(record "$gw_log" "$(id_of "$swaks_out")")
matches "with Postfix's words" "$(key said "$rec")" '^250 2\.0\.0 .*queued as'
check "it is stored" wait_until 20 has alice 1
arrives "it arrives octet by octet" "$tmp/letter" stored alice
check "under TLS, with the password" grep -q 'sasl_username=gateway' "$pf/log"
swaks_to "$port1" --to info@example.org
equal "a message to an alias" "$swaks_code" 0
check "alice has it" wait_until 20 has alice 2
check "and bob" wait_until 20 has bob 1

# --- refusals ---------------------------------------------------------------------

refused "a client of the list" "$port1" lists '554 5\.7\.1' 'reason=.*not allowed' \
    --local-interface 127.0.0.66 --to alice@example.org
refused "a sender of the list" "$port1" lists '550 5\.7\.1' 'reason=.*not allowed' \
    --from news@example.com --to alice@example.org
refused "a recipient of the list" "$port1" lists '550 5\.7\.1' \
    'reason=.*not allowed' --to gone@example.org
swaks_to "$port1" --to alice@example.net
matches "a domain that is not in the list" "$swaks_out" \
    '^<\*\* 550 5\.7\.1 .*relaying denied'
echo example.net >>"$tmp/domains"
swaks_to "$port1" --to alice@example.net
matches "is not in it before a reload" "$swaks_out" '^<\*\* 550 5\.7\.1 .*relaying'
check "a reload reads the files" "$BUILD/posternctl" \
    -s "$tmp/control/control.sock" reload
swaks_to "$port1" --to alice@example.net
matches "then upstream refuses it: our mistake, 451 and an alarm" "$swaks_out" \
    '^<\*\* 451 4\.'
stop_well "$gw_pid"

# --- not who it should be -----------------------------------------------------------

cp "$tmp/other.crt" "$tmp/upstream-ca.pem"
logins() { grep -c 'sasl_username=' "$pf/log"; }
before=$(logins)
must proxy
swaks_to "$port1" --to alice@example.org
matches "an upstream that can not prove its name gets no mail: 451" "$swaks_out" \
    '^<\*\* 451 4\.'
equal "and no password" "$(logins)" "$before"
matches "the log says why" "$(cat "$gw_log")" 'error=.*certificate'
stop_well "$gw_pid"
finish

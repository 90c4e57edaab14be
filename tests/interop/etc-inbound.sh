#!/bin/sh
# etc-inbound.sh: etc/inbound.conf between etc/haproxy.cfg and a private Dovecot,
# with a real unbound and a real rspamd: good mail arrives, and every filter
# refuses once.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
for lib in dovecot haproxy rspamd shipped unbound; do
	# shellcheck source=/dev/null
	. "$top/tests/support/$lib.sh"
done
need swaks perl openssl haproxy rspamd
need_dovecot
need_unbound
if ! free_port 127.0.0.3 >/dev/null 2>&1; then
	not_run etc-inbound "127.0.0.3 is no address of this machine"
	finish
fi

# 127.0.0.3 is an honest server, 127.0.0.4 has no name.
unbound_start <<END
	local-zone: "127.in-addr.arpa." static
	local-data: "3.0.0.127.in-addr.arpa. PTR out.example.net."
	local-zone: "good.test." static
	local-data: "good.test. MX 0 ."
	local-zone: "example.net." static
	local-data: "out.example.net. A 127.0.0.3"
	local-data: "example.net. MX 10 mx.example.net."
	local-data: "mx.example.net. A 192.0.2.1"
	local-data: "null.example.net. MX 0 ."
END
rspamd_start "$top/tests/support/rspamd.lua"
dovecot_user alice x
must dovecot_start lmtp <<END
$(dovecot_lmtp)
$(dovecot_of inbound.conf)
END

must cert mx1 2
mkdir -m 0700 "$tmp/aside"
[ -z "$(user_line)" ] || chown nobody "$tmp/aside"
shipped inbound.conf 10.0.0.21:2525 127.0.0.1:@PORT1@ 10.0.0.11 127.0.0.1 \
    127.0.0.1:53 "127.0.0.1:$dns_port" \
    127.0.0.1:11333 "127.0.0.1:$rspamd_port" 198.51.100.0/24 127.0.0.66 \
    /usr/local/etc/ssl/mx1.pem "$tmp/mx1.crt" \
    /usr/local/etc/ssl/private/mx1.key "$tmp/mx1.key" \
    /var/run/dovecot "$dovecot_run" /var/run/postern "$tmp/control" \
    /var/spool/postern/quarantine "$tmp/aside"
must shipped_gateway inbound

shipped haproxy.cfg ':::25' '127.0.0.1:@FRONT1@' /dev/log "$tmp/devlog" \
    10.0.0.21:2525 "127.0.0.1:$port1" 10.0.0.22:2525 "127.0.0.1:$port1"
up() { haproxy_is postern UP postern1; }
must haproxy_start up <<END
$(haproxy_socket)
$(cat "$tmp/haproxy.cfg")
END

# --- good mail --------------------------------------------------------------------

# from CLIENT ARGS...: swaks' arguments for an honest message, or not quite
good="--local-interface 127.0.0.3 --helo out.example.net --from sender@example.net"
letter sender@example.net alice+lists@example.org >"$tmp/letter"
# shellcheck disable=SC2086 # words
swaks_to "$front1" $good --tls --to alice+lists@example.org --data "@$tmp/letter"
equal "a message, by HAProxy and STARTTLS" "$swaks_code" 0
arrives "it arrives octet by octet" "$tmp/letter" mails alice
matches "with the client's name, that the DNS confirmed" "$(mails alice)" \
    '^Received: from out\.example\.net \(out\.example\.net \[127\.0\.0\.3\]\)'
rec=$(record "$gw_log" "$(id_of "$swaks_out")")
equal "the record has client and proxy" \
    "$(key client "$rec") $(key proxy "$rec")" "127.0.0.3 127.0.0.1"
equal "and what the filters found" "$(key rdns "$rec") $(key sender_dns "$rec")" \
    "verified mx"
matches "rspamd, too" "$rec" ' rspamd="?no action'
# shellcheck disable=SC2086 # words
swaks_to "$front1" $good --to alice@example.org --add-header "X-Spam: No" \
    --body "Y$gtube"
equal "spam is marked" "$swaks_code" 0
marks=$(mails alice | grep '^X-Spam:')
equal "by us alone" "$marks" "X-Spam: Yes"

# --- each filter refuses ------------------------------------------------------------

# is_refused NAME FILTER REPLY REASON ARGS...: the last of two options counts
is_refused() {
	_n=$1 _f=$2 _r=$3 _w=$4
	shift 4
	# shellcheck disable=SC2086 # words
	refused "$_n" "$front1" "$_f" "$_r" "$_w" $good --to alice@example.org "$@"
}
is_refused "a network of the list" clients '554 5\.7\.1' 'reason=.*not allowed' \
    --local-interface 127.0.0.66
is_refused "a client without a name" names '554 5\.7\.25' 'reason=.*no name' \
    --local-interface 127.0.0.4
is_refused "our own name" greeting '550 5\.7\.1' 'reason=.*HELO' \
    --helo mx1.example.org
is_refused "a domain that takes no mail" sender '550 5\.7\.27' 'reason=' \
    --from a@null.example.net
is_refused "a domain that does not exist" sender '550 5\.1\.8' \
    'reason=.*nobody.example.net' --from a@nobody.example.net
is_refused "a mailbox that does not exist" users '550 5\.1\.1' 'reason=.*no such' \
    --to nobody@example.org
printf 'From: <sender@example.net>\nSubject: no date\n\nhello\n' >"$tmp/undated"
is_refused "a message without Date" fields '550 5\.6\.0' 'reason=.*Date' \
    --data "@$tmp/undated"
is_refused "GTUBE" spam '550 5\.7\.1' 'reason=.*[Gg]tube' --body "X$gtube"
before=$(mail_count alice)
# shellcheck disable=SC2086 # words
swaks_to "$front1" $good --to alice@example.org --add-header "X-Force: discard"
equal "what rspamd wants discarded is accepted" "$swaks_code" 0
equal "and not delivered" "$(mail_count alice)" "$before"
check "the log says so" wait_until 5 grep -q \
    'event=mail .*result=discarded .*filter=away' "$gw_log"
# shellcheck disable=SC2086 # words
swaks_to "$front1" $good --to alice@example.org --add-header "X-Force: quarantine" \
    --body "to be looked at"
equal "what rspamd wants put aside is accepted" "$swaks_code" 0
equal "and not delivered, either" "$(mail_count alice)" "$before"
check "the log says so, too" wait_until 5 grep -q \
    'event=mail .*result=quarantined .*filter=aside' "$gw_log"
rec=$(grep 'result=quarantined' "$gw_log" | tail -n 1)
matches "and where it is" "$(cat "$tmp/aside/$(key quarantine "$rec")" 2>&1)" \
    '^to be looked at'
# shellcheck disable=SC2086 # words
swaks_to "$front1" $good --to alice@example.com
matches "another domain is refused" "$swaks_out" '^<\*\* 550 5\.7\.1 .*relaying denied'

# --- rspamd is away -------------------------------------------------------------------

# shellcheck disable=SC2046 # words
kill9 $(rspamd_pids)
is_refused "without rspamd, mail waits: it" spam '451 4\.7\.1' 'reason=' \
    --body hello

stop "$haproxy_pid"
stop_well "$gw_pid"
finish
